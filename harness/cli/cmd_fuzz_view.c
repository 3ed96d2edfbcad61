/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What is shown: a live status on a terminal, else a line now and then; the table at the end.
 */
#include "cmd_fuzz_internal.h"

#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define REDRAW_MS 500
#define PLAIN_MS  10000

void cmd_fuzz_erase_status(struct run *run)
{
	if (run->drawn)
		printf("\033[%uA\r\033[J", run->drawn);
	run->drawn = 0;
}

static void screen_size(int *rows, int *columns)
{
	struct winsize size;

	*rows = 24;
	*columns = 80;
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row && size.ws_col) {
		*rows = size.ws_row;
		*columns = size.ws_col;
	}
}

/* Never wider than the screen: a line that wraps could not be redrawn */
static void draw_line(struct run *run, int columns, const char *line)
{
	printf("%.*s\n", columns - 1, line);
	run->drawn++;
}

static void draw_status(struct run *run, uint64_t now)
{
	char line[NAME_BYTES + 160];
	int rows;
	int columns;

	screen_size(&rows, &columns);
	cmd_fuzz_erase_status(run);
	snprintf(line, sizeof(line), "%-20s %-8s %10s %9s %7s %9s %6s", "target", "state",
		 "inputs/s", "coverage", "corpus", "findings", "left");
	draw_line(run, columns, line);
	for (size_t i = 0; i < run->count && run->drawn + 2 < (unsigned int)rows; i++) {
		const struct target *t = &run->targets[i];

		snprintf(line, sizeof(line), "%-20s %-8s %10llu %9u %7u %9u %4llu s", t->name,
			 cmd_fuzz_state(t), (unsigned long long)cmd_fuzz_rate(t),
			 cmd_fuzz_coverage(t), cmd_fuzz_corpus(t), t->findings,
			 (unsigned long long)cmd_fuzz_seconds_left(run, t, now));
		draw_line(run, columns, line);
	}
	snprintf(line, sizeof(line), "%llu s%s", (unsigned long long)(now - run->start_ms) / 1000,
		 run->stopping ? ", stopping" : "");
	draw_line(run, columns, line);
}

static void print_status(const struct run *run, uint64_t now)
{
	for (size_t i = 0; i < run->count; i++) {
		const struct target *t = &run->targets[i];

		if (t->state != RUNNING)
			continue;
		printf("%5llu s  %-20s %llu inputs/s, coverage %u, corpus %u, findings %u\n",
		       (unsigned long long)(now - run->start_ms) / 1000, t->name,
		       (unsigned long long)cmd_fuzz_rate(t), cmd_fuzz_coverage(t),
		       cmd_fuzz_corpus(t), t->findings);
	}
}

void cmd_fuzz_show(struct run *run)
{
	uint64_t now = engine_now();

	if (now - run->shown_ms < (run->terminal ? REDRAW_MS : PLAIN_MS))
		return;
	run->shown_ms = now;
	if (run->terminal)
		draw_status(run, now);
	else
		print_status(run, now);
	(void)fflush(stdout);
}

void cmd_fuzz_show_again(struct run *run)
{
	(void)fflush(stdout);
	if (run->terminal)
		run->shown_ms = 0;
}

/* How a target's row ends when it did not run all its time */
static const char *remark_of(const struct target *t)
{
	switch (t->state) {
	case WAITING:
		return "  cut";
	case STOPPED:
		return "  stopped";
	case FAILED:
		return "  failed";
	default:
		return "";
	}
}

void cmd_fuzz_print_table(const struct run *run)
{
	uint64_t units = 0;
	unsigned int findings = 0;

	printf("%-16s %12s %9s %8s %6s %7s %8s %7s\n", "target", "inputs", "inputs/s", "coverage",
	       "corpus", "peak MB", "findings", "first");
	for (size_t i = 0; i < run->count; i++) {
		const struct target *t = &run->targets[i];
		char first[32] = "-";

		if (t->findings)
			snprintf(first, sizeof(first), "%llu.%llu s",
				 (unsigned long long)t->first_ms / 1000,
				 (unsigned long long)t->first_ms % 1000 / 100);
		printf("%-16s %12llu %9llu %8u %6u %7u %8u %7s%s", t->name,
		       (unsigned long long)cmd_fuzz_units(t), (unsigned long long)cmd_fuzz_rate(t),
		       cmd_fuzz_coverage(t), cmd_fuzz_corpus(t), t->rss_mb, t->findings, first,
		       remark_of(t));
		if (t->set_aside)
			printf("  %u input%s set aside", t->set_aside, t->set_aside > 1 ? "s" : "");
		putchar('\n');
		units += cmd_fuzz_units(t);
		findings += t->findings;
	}
	printf("%llu inputs in %llu s, %u findings\n", (unsigned long long)units,
	       (unsigned long long)(engine_now() - run->start_ms + 500) / 1000, findings);
}
