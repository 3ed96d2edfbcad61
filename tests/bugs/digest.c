/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Plays scripts without an oracle, and prints a line for each: a sum over all that the device did.
 * On devices with a bug and on those without, it differs where a script triggered the bug.
 */
#include <inttypes.h>
#include <stdio.h>

#include "script/files.h"
#include "play/player.h"
#include "without/without.h"

static uint64_t sum;

void without_oracle_seen(uint64_t what, const void *bytes, size_t len)
{
	const uint8_t *at = bytes;

	sum = (sum ^ what ^ (uint64_t)len << 48) * 0x9e3779b97f4a7c15ull;
	for (size_t i = 0; i < len; i++)
		sum = (sum ^ at[i]) * 0x100000001b3ull;
	sum ^= sum >> 29;
}

int main(int argc, char **argv)
{
	static struct machine machine;
	static struct bus bus;
	struct script script;
	struct verdict v;
	size_t count;
	char **path = argc > 1 ? files_list(argv + 1, argc - 1, &count) : NULL;

	if (!path) {
		fputs("usage: digest FILE|FOLDER...\n", stderr);
		return 2;
	}
	machine_create(&machine);
	bus_model_init(&bus, &machine);
	for (size_t i = 0; i < count; i++) {
		if (!files_read_script(path[i], &script))
			return 2;
		sum = 0;
		player_play(&bus, &script, NULL, &v);
		printf("%016" PRIx64 " %s\n", sum, path[i]);
		(void)fflush(stdout); /* the next one may kill us */
	}
	files_free(path, count);
	return 0;
}
