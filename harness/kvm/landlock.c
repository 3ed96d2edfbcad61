/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A rule set takes rights ("handled"), and each rule gives some back below a file. What it takes
 * depends on the ABI: a kernel refuses rights that it does not know.
 */
#include "landlock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* since Linux 5.13, the same on all architectures */
#define CREATE_RULESET 444
#define ADD_RULE       445
#define RESTRICT_SELF  446

#define VERSION	     1u
#define PATH_BENEATH 1

#define FS_EXECUTE   (1ull << 0)
#define FS_READ_FILE (1ull << 2)
#define FS_READ_DIR  (1ull << 3)
#define FS_ABI_1     ((1ull << 13) - 1)
#define FS_REFER     (1ull << 13) /* ABI 2 */
#define FS_TRUNCATE  (1ull << 14) /* ABI 3 */
#define FS_IOCTL_DEV (1ull << 15) /* ABI 5 */
#define NET_TCP	     3ull	  /* ABI 4: bind, connect */
#define SCOPED	     3ull	  /* ABI 6: abstract sockets, signals */

struct ruleset {
	uint64_t fs;
	uint64_t net;	 /* ABI 4 */
	uint64_t scoped; /* ABI 6 */
};

struct path_rule {
	uint64_t allowed;
	int32_t parent;
} __attribute__((packed));

int landlock_abi(void)
{
	long abi = syscall(CREATE_RULESET, NULL, (size_t)0, VERSION);

	return abi > 0 ? (int)abi : 0;
}

static int create(int abi, bool tcp)
{
	struct ruleset set = {
		.fs = FS_ABI_1 | (abi >= 2 ? FS_REFER : 0) | (abi >= 3 ? FS_TRUNCATE : 0) |
		      (abi >= 5 ? FS_IOCTL_DEV : 0),
		.net = tcp ? 0 : NET_TCP,
		.scoped = SCOPED,
	};
	size_t bytes = abi >= 6 ? 24 : abi >= 4 ? 16 : 8; /* of the ABI's structure */
	long fd = syscall(CREATE_RULESET, &set, bytes, 0u);

	return fd < 0 ? -errno : (int)fd;
}

static int add(int set, const char *path, uint64_t allowed)
{
	struct path_rule rule = { .allowed = allowed };
	int err = 0;

	rule.parent = open(path, O_PATH | O_CLOEXEC);
	if (rule.parent < 0)
		return errno == ENOENT || errno == ENOTDIR ? 0 : -errno;
	if (syscall(ADD_RULE, set, PATH_BENEATH, &rule, 0u))
		err = -errno;
	(void)close(rule.parent);
	return err;
}

int landlock_restrict(int abi, const struct landlock_rules *rules)
{
	int set = create(abi, rules->tcp);
	int err = 0;

	if (set < 0)
		return set;
	if (rules->all_readable)
		err = add(set, "/", FS_READ_FILE | FS_READ_DIR | FS_EXECUTE);
	for (size_t i = 0; i < rules->readable_count && !err; i++)
		err = add(set, rules->readable[i], FS_READ_FILE);
	if (!err && syscall(RESTRICT_SELF, set, 0u))
		err = -errno;
	(void)close(set);
	return err;
}
