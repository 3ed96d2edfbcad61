/* SPDX-License-Identifier: BSD-3-Clause */
#include "campaign.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/complain.h"
#include "engine_folders.h"

#define FOLDER	    "campaigns"
#define INTERVAL_MS 500 /* between rows, as long as they are few */
#define NUMBER_MAX  1000000000u

/* ---- rows ---- */

static void thin_out(struct campaign_log *r)
{
	for (size_t i = 1; 2 * i < r->rows; i++)
		r->row[i] = r->row[2 * i];
	r->rows = (r->rows + 1) / 2;
	r->interval_ms *= 2;
}

void campaign_note(struct campaign_log *r, const struct campaign_row *row, bool end)
{
	struct campaign_row *last = r->rows ? &r->row[r->rows - 1] : NULL;

	if (r->interval_ms == 0)
		r->interval_ms = INTERVAL_MS;
	if (row->ms == 0 || (last && row->ms < last->ms))
		return;
	if (last && row->ms == last->ms) {
		*last = *row;
		return;
	}
	if (last && !end && row->ms - last->ms < r->interval_ms)
		return;
	if (r->rows == CAMPAIGN_ROWS)
		thin_out(r);
	r->row[r->rows++] = *row;
}

/* ---- folders ---- */

/* The number that is the whole name, or 0 */
static unsigned int number_of(const char *name)
{
	unsigned long number;
	char *end;

	if (name[0] < '1' || name[0] > '9')
		return 0;
	number = strtoul(name, &end, 10);
	return *end || number > NUMBER_MAX ? 0 : (unsigned int)number;
}

/* Of those that are there, how many, and the lowest and highest; 0: none */
static size_t look(const char *folder, unsigned int *lowest, unsigned int *highest)
{
	DIR *dir = opendir(folder);
	struct dirent *entry;
	size_t count = 0;

	*lowest = 0;
	*highest = 0;
	while (dir && (entry = readdir(dir))) {
		unsigned int number = number_of(entry->d_name);

		if (number == 0)
			continue;
		count++;
		if (*lowest == 0 || number < *lowest)
			*lowest = number;
		if (number > *highest)
			*highest = number;
	}
	if (dir)
		(void)closedir(dir);
	return count;
}

/* A folder that cannot be removed ends it: there is nothing to gain by trying again */
static void remove_old(const struct engine_dirs *dirs, const char *folder)
{
	unsigned int lowest;
	unsigned int highest;
	size_t before = SIZE_MAX;
	size_t count;
	char name[16];

	while ((count = look(folder, &lowest, &highest)) > CAMPAIGN_KEPT && count < before) {
		snprintf(name, sizeof(name), "%u", lowest);
		engine_remove_dir(dirs, FOLDER, name);
		before = count;
	}
}

static void take_time(char *text, size_t room)
{
	time_t now = time(NULL);
	struct tm tm;

	if (!gmtime_r(&now, &tm) || strftime(text, room, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
		text[0] = '\0';
}

/* Another campaign may begin at the same moment: then the next number is ours */
static bool make_folder(struct campaign *c, const char *folder)
{
	unsigned int lowest;
	char path[PATH_BYTES];
	int err = EEXIST;

	(void)look(folder, &lowest, &c->number);
	while (err == EEXIST) {
		snprintf(path, sizeof(path), "%s/%u", folder, ++c->number);
		err = mkdir(path, 0777) ? errno : 0;
	}
	if (err)
		complain("%s: cannot make it: %s; give another --out", path, strerror(err));
	return err == 0;
}

bool campaign_begin(struct campaign *c, const struct engine_dirs *dirs, const char *engine)
{
	char folder[DIR_BYTES + sizeof(FOLDER) + 1];

	*c = (struct campaign){ .dirs = dirs, .engine = engine };
	take_time(c->started, sizeof(c->started));
	snprintf(folder, sizeof(folder), "%s/%s", dirs->out, FOLDER);
	if (!engine_make_dir(dirs, FOLDER, "") || !make_folder(c, folder))
		return false;
	remove_old(dirs, folder);
	return true;
}

/* ---- the file ---- */

/* Between two rows */
static uint64_t rate_of(const struct campaign_row *row, const struct campaign_row *before)
{
	uint64_t ms = row->ms - (before ? before->ms : 0);
	uint64_t inputs = row->inputs - (before ? before->inputs : 0);

	return ms && (!before || row->inputs >= before->inputs) ? inputs * 1000 / ms : 0;
}

static void put_rows(const struct campaign_log *r, FILE *file)
{
	fputs("seconds\tinputs\tinputs/s\tcoverage\tcorpus\tfindings\n", file);
	for (size_t i = 0; i < r->rows; i++) {
		const struct campaign_row *row = &r->row[i];

		fprintf(file, "%" PRIu64 ".%03u\t%" PRIu64 "\t%" PRIu64 "\t%u\t%u\t%u\n",
			row->ms / 1000, (unsigned int)(row->ms % 1000), row->inputs,
			rate_of(row, i ? row - 1 : NULL), row->coverage, row->corpus,
			row->findings);
	}
}

static bool put_file(const struct campaign *c, const char *target, const char *state,
		     const struct campaign_log *r, const char *path)
{
	FILE *file = fopen(path, "w");
	bool good;

	if (!file)
		return false;
	fprintf(file, "# engine\t%s\n# target\t%s\n# started\t%s\n# state\t%s\n", c->engine, target,
		c->started, state);
	put_rows(r, file);
	good = !ferror(file);
	return fclose(file) == 0 && good;
}

bool campaign_write(const struct campaign *c, const char *target, const char *state,
		    const struct campaign_log *r)
{
	char path[PATH_BYTES + 64];
	char part[PATH_BYTES + 64];

	snprintf(path, sizeof(path), "%s/" FOLDER "/%u/%s-%s.tsv", c->dirs->out, c->number,
		 c->engine, target);
	snprintf(part, sizeof(part), "%s/" FOLDER "/%u/%s-%s.part", c->dirs->out, c->number,
		 c->engine, target);
	if (put_file(c, target, state, r, part) && rename(part, path) == 0)
		return true;
	complain("%s: cannot write it: %s; make room or give another --out", path, strerror(errno));
	(void)unlink(part);
	return false;
}
