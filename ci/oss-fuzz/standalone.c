/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The least engine there can be: plays the files it is given. It has neither coverage nor
 * LLVMFuzzerMutate, so that a target which needs one of them does not link.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define INPUT_MAX (1 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int play(const char *path)
{
	FILE *file = fopen(path, "rb");
	uint8_t *data = malloc(INPUT_MAX); /* its end is where a sanitizer looks */
	size_t size;

	if (!file || !data)
		return perror(path), 1;
	size = fread(data, 1, INPUT_MAX, file);
	data = realloc(data, size ? size : 1);
	fclose(file);
	LLVMFuzzerTestOneInput(data, size);
	free(data);
	return 0;
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		if (play(argv[i]))
			return 1;
	printf("%d inputs played\n", argc - 1);
	return 0;
}
