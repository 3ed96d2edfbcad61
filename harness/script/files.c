/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A file is the text of a script if it begins with "#" or "device " and has no control characters
 * but tabs and line ends. Any other file is the bytes of a script.
 */
#include "files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/complain.h"

static bool is_directory(FILE *f)
{
	struct stat st;

	return !fstat(fileno(f), &st) && S_ISDIR(st.st_mode);
}

static bool read_some(FILE *f, const char *path, uint8_t *bytes, size_t room, size_t *len)
{
	*len = fread(bytes, 1, room, f);
	return !ferror(f) || complain_of(path, strerror(errno));
}

bool files_read(const char *path, uint8_t *bytes, size_t room, size_t *len)
{
	FILE *f = fopen(path, "rb");
	bool fine;

	if (!f)
		return complain_of(path, strerror(errno));
	fine = read_some(f, path, bytes, room, len);
	fclose(f);
	return fine;
}

/* At most `room` bytes; a longer file is an error. */
static bool read_file(const char *path, uint8_t *bytes, size_t room, size_t *len)
{
	bool is_stdin = !strcmp(path, "-");
	FILE *f = is_stdin ? stdin : fopen(path, "rb");
	bool fine = true;

	if (!f)
		return complain_of(path, strerror(errno));
	if (is_directory(f)) {
		fine = complain_of(path, "is a directory, not a script");
	} else {
		fine = read_some(f, path, bytes, room, len);
		if (fine && *len == room)
			fine = complain_of(path, "too large for a script (64 KiB at most)");
	}
	if (!is_stdin)
		fclose(f);
	return fine;
}

static bool looks_like_text(const char *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if ((unsigned char)bytes[i] < 32 && !strchr("\t\n\r", bytes[i]))
			return false;
	}
	return len > 0 && (bytes[0] == '#' || !strncmp(bytes, "device ", 7));
}

bool files_read_script(const char *path, struct script *script)
{
	static uint8_t bytes[FILES_BYTES_MAX + 1];
	char error[128];
	size_t len = 0;
	unsigned int line;

	if (!read_file(path, bytes, FILES_BYTES_MAX, &len))
		return false;
	bytes[len] = 0;
	if (!looks_like_text((const char *)bytes, len)) {
		script_decode(bytes, len, script);
		return true;
	}
	line = script_parse((const char *)bytes, script, error, sizeof(error));
	if (line == 0)
		return true;
	complain("%s:%u: %s", path, line, error);
	return false;
}

/* ---- writing ---- */

static bool same_file(const char *a, const char *b)
{
	struct stat x;
	struct stat y;

	return !stat(a, &x) && !stat(b, &y) && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

static bool can_create(const char *path)
{
	char folder[PATH_MAX];

	snprintf(folder, sizeof(folder), "%s", path);
	return !access(dirname(folder), W_OK | X_OK) || complain_of(path, strerror(errno));
}

bool files_can_write(const char *path, const char *input)
{
	struct stat st;

	if (!strcmp(path, "-"))
		return true;
	if (lstat(path, &st))
		return errno == ENOENT ? can_create(path) : complain_of(path, strerror(errno));
	if (S_ISLNK(st.st_mode) && stat(path, &st))
		return complain_of(path, "is a symbolic link to nothing");
	if (S_ISDIR(st.st_mode))
		return complain_of(path, "is a directory; name a file");
	if (S_ISREG(st.st_mode) && same_file(path, input))
		return complain_of(path, "is the input, too; name another file");
	return !access(path, W_OK) || complain_of(path, strerror(errno));
}

static bool put(FILE *f, const void *bytes, size_t len)
{
	return fwrite(bytes, 1, len, f) == len && !fflush(f);
}

/* A device, a pipe: what is there stays there. */
static bool write_into(const char *path, const void *bytes, size_t len)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	FILE *f = fd >= 0 ? fdopen(fd, "wb") : NULL;
	bool fine = f && put(f, bytes, len);
	int err = errno;

	if (f)
		fine = !fclose(f) && fine;
	else if (fd >= 0)
		close(fd);
	return fine || complain_of(path, strerror(err));
}

/* Written beside it, and renamed when it is whole; the mode is that of a file that was there. */
static bool write_whole(const char *path, const void *bytes, size_t len, const struct stat *before)
{
	char part[PATH_MAX + 32];
	bool fine;
	int err;
	int fd;
	FILE *f;

	snprintf(part, sizeof(part), "%s.%d.part", path, (int)getpid());
	fd = open(part, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	f = fd >= 0 ? fdopen(fd, "wb") : NULL;
	if (!f)
		return complain_of(path, strerror(errno));
	fine = (!before || !fchmod(fd, before->st_mode & 07777)) && put(f, bytes, len);
	err = errno;
	fine = !fclose(f) && fine;
	if (fine && !rename(part, path))
		return true;
	complain_of(path, strerror(fine ? errno : err));
	unlink(part);
	return false;
}

bool files_write(const char *path, const void *bytes, size_t len)
{
	char target[PATH_MAX];
	struct stat st;

	if (!strcmp(path, "-"))
		return put(stdout, bytes, len) || complain_of("standard output", strerror(errno));
	if (stat(path, &st))
		return write_whole(path, bytes, len, NULL);
	if (!S_ISREG(st.st_mode))
		return write_into(path, bytes, len);
	if (!realpath(path, target)) /* where a link leads */
		return complain_of(path, strerror(errno));
	return write_whole(target, bytes, len, &st);
}

bool files_write_script(const char *path, const struct script *script)
{
	uint8_t bytes[SCRIPT_BYTES_MAX];

	return files_write(path, bytes, script_encode(script, bytes, sizeof(bytes)));
}

/* ---- listing ---- */

static bool append(char ***list, size_t *count, const char *path)
{
	char **more = realloc(*list, (*count + 1) * sizeof(**list));

	if (!more)
		return false;
	*list = more;
	more[*count] = strdup(path);
	return more[(*count)++] != NULL;
}

static bool walk(const char *path, char ***list, size_t *count);

static int visible(const struct dirent *e)
{
	return e->d_name[0] != '.';
}

static bool walk_folder(const char *path, char ***list, size_t *count)
{
	struct dirent **entry;
	int entries = scandir(path, &entry, visible, alphasort);
	bool fine = entries >= 0 || complain_of(path, strerror(errno));

	for (int i = 0; i < entries; i++) {
		char *below = NULL;

		fine = fine && asprintf(&below, "%s/%s", path, entry[i]->d_name) > 0 &&
		       walk(below, list, count);
		free(below);
		free(entry[i]);
	}
	if (entries >= 0)
		free(entry);
	return fine;
}

/* In a folder, devices, pipes and sockets are no scripts. */
static bool walk(const char *path, char ***list, size_t *count)
{
	struct stat st;

	if (stat(path, &st))
		return complain_of(path, strerror(errno));
	if (S_ISDIR(st.st_mode))
		return walk_folder(path, list, count);
	if (!S_ISREG(st.st_mode))
		return true;
	return append(list, count, path) || complain_of(path, "not enough memory");
}

static bool take_operand(const char *path, char ***list, size_t *count)
{
	size_t before = *count;
	struct stat st;

	if (!strcmp(path, "-") || (!stat(path, &st) && !S_ISDIR(st.st_mode)))
		return append(list, count, path) || complain_of(path, "not enough memory");
	if (!walk(path, list, count))
		return false;
	return *count > before ||
	       complain_of(path, "no files in it; name a folder of scripts, or a script");
}

char **files_operands(char *const *args, int count, size_t *found)
{
	char **list = calloc(1, sizeof(*list));

	*found = 0;
	for (int i = 0; list && i < count; i++) {
		if (!take_operand(args[i], &list, found)) {
			files_free(list, *found);
			return NULL;
		}
	}
	return list;
}

char **files_list(char *const *args, int count, size_t *found)
{
	char **list = calloc(1, sizeof(*list));

	*found = 0;
	for (int i = 0; list && i < count; i++) {
		if (!walk(args[i], &list, found)) {
			files_free(list, *found);
			return NULL;
		}
	}
	return list;
}

void files_free(char **list, size_t count)
{
	for (size_t i = 0; list && i < count; i++)
		free(list[i]);
	free(list);
}

int files_make_folders(char *path)
{
	for (char *p = path + 1; *p; p++) {
		if (*p != '/')
			continue;
		*p = '\0';
		if (mkdir(path, 0777) != 0 && errno != EEXIST)
			return -errno;
		*p = '/';
	}
	return mkdir(path, 0777) != 0 && errno != EEXIST ? -errno : 0;
}

/* ---- for a shell ---- */

void files_put_word(const char *word, FILE *out)
{
	if (word[strspn(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
			      "_-./+,:=@%")] == 0 &&
	    word[0]) {
		fputs(word, out);
		return;
	}
	fputc('\'', out);
	for (; *word; word++) {
		if (*word == '\'')
			fputs("'\\''", out);
		else
			fputc(*word, out);
	}
	fputc('\'', out);
}

void files_put_program(FILE *out)
{
	char here[PATH_MAX];
	char path[PATH_MAX];
	size_t len;

	if (!realpath("/proc/self/exe", path) || !getcwd(here, sizeof(here) - 1)) {
		files_put_word(program_invocation_name, out);
		return;
	}
	len = strlen(here);
	if (len > 1)
		here[len++] = '/';
	if (!strncmp(path, here, len) && strchr(path + len, '/'))
		files_put_word(path + len, out);
	else
		files_put_word(program_invocation_name, out);
}
