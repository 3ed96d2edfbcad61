/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The folder of a triage: built beside the one it replaces, and exchanged when it is whole.
 */
#include <dirent.h>
#include <errno.h>
#include <ftw.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "array_size.h"
#include "base/complain.h"
#include "script/files.h"
#include "export.h"
#include "describe.h"
#include "triage.h"

#define PATH_BYTES 4096u

/* ---- folders ---- */

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

static bool remove_folder(const char *path)
{
	struct stat st;

	if (lstat(path, &st) && errno == ENOENT)
		return true;
	return !nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS) ||
	       complain_of(path, "cannot be removed");
}

/* Of all parts but the last one. */
static bool make_parents(const char *path)
{
	char part[PATH_BYTES];
	char *slash;
	int err;

	snprintf(part, sizeof(part), "%s", path);
	slash = strrchr(part, '/');
	if (!slash || slash == part)
		return true;
	*slash = 0;
	err = files_make_folders(part);
	return !err || complain_of(part, strerror(-err));
}

static bool is_empty(const char *path)
{
	DIR *dir = opendir(path);
	bool empty = dir != NULL;

	for (struct dirent *e; dir && (e = readdir(dir));)
		empty = empty && e->d_name[0] == '.' && strlen(e->d_name) < 3;
	if (dir)
		closedir(dir);
	return empty;
}

/* Nothing there, an empty folder, or one of a triage before. */
static bool may_replace(const char *folder)
{
	char mark[PATH_BYTES + 16];
	struct stat st;

	if (lstat(folder, &st))
		return errno == ENOENT || complain_of(folder, strerror(errno));
	snprintf(mark, sizeof(mark), "%s/triage.json", folder);
	if (S_ISDIR(st.st_mode) && (is_empty(folder) || !access(mark, F_OK)))
		return true;
	return complain_of(folder, "is there and not of a triage; give another --out");
}

/* ---- files ---- */

static FILE *create(const char *folder, const char *name)
{
	char path[2 * PATH_BYTES];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	f = fopen(path, "w");
	if (!f)
		complain_of(path, strerror(errno));
	return f;
}

static bool finish(FILE *f, const char *folder, const char *name)
{
	bool good = !ferror(f);

	good = !fclose(f) && good;
	if (good)
		return true;
	complain("%s/%s: cannot be written", folder, name);
	return false;
}

static void put_commented(const char *text, FILE *out)
{
	fputs(" * ", out);
	for (unsigned int column = 0; *text; text++) {
		bool space = *text == ' ' || *text == '\n';
		size_t word = strcspn(text + 1, " \n");

		if (space && (*text == '\n' ? text[1] != 0 : column + word > 94)) {
			fputs("\n * ", out);
			column = 0;
		} else if (*text != '\n') {
			/* the reasons quote the device: no end of comment in them */
			fputc(*text == '/' && text[-1] == '*' ? ' ' : *text, out);
			column++;
		}
	}
	fputc('\n', out);
}

static char *paragraph(const struct triage_group *g)
{
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	if (!f)
		return NULL;
	fputs("\n", f); /* so that each character has one before it */
	triage_tell(g, f);
	if (!fclose(f))
		return text;
	free(text);
	return NULL;
}

/* Cut at spaces, as people write. */
static void put_wrapped(const char *text, FILE *out)
{
	unsigned int column = 0;

	for (; *text; text++) {
		if (*text == ' ' && column + strcspn(text + 1, " \n") > 94) {
			fputc('\n', out);
			column = 0;
			continue;
		}
		fputc(*text, out);
		column = *text == '\n' ? 0 : column + 1;
	}
}

/* "    anvil ARGUMENTS FOLDER/GROUP/input" */
static void tell_command(const struct triage_group *g, const char *folder, const char *arguments,
			 const char *end, FILE *out)
{
	char path[2 * PATH_BYTES];

	snprintf(path, sizeof(path), "%s/%s/input", folder, g->name);
	fputs("    ", out);
	files_put_program(out);
	fprintf(out, " %s ", arguments);
	files_put_word(path, out);
	fprintf(out, "%s\n", end);
}

static void tell_on_device(const struct triage_group *g, const char *folder, FILE *out)
{
	char path[2 * PATH_BYTES];

	snprintf(path, sizeof(path), "%s/%s/input", folder, g->name);
	fputs("    ", out);
	files_put_program(out);
	fputs(" play --device ", out);
	files_put_word(g->device, out);
	fputc(' ', out);
	files_put_word(path, out);
	fputc('\n', out);
}

static void tell_replay(const struct triage_group *g, const char *folder, FILE *out)
{
	fprintf(out, "\nSee it again:\n\n");
	if (g->device) {
		tell_on_device(g, folder, out);
		return;
	}
	tell_command(g, folder, "play", "", out);
	tell_command(g, folder, "play --on kvm", "", out);
	tell_command(g, folder, "play --on linux", "", out);
	fprintf(out, "\nWithout /dev/kvm, or where it runs no stock kernel, the last two after "
		     "ci/with-kvm.\n");
	if (!export_kind((enum device_kind)g->script.header.code))
		return;
	fprintf(out, "\nWithout the harness, and on QEMU's device:\n\n");
	tell_command(g, folder, "export --as c", " >reproducer.c", out);
	tell_command(g, folder, "export --as qtest", " >reproducer.qtest", out);
}

static void tell_copy(const struct triage_group *g, const char *folder, const char *file, FILE *out)
{
	char path[2 * PATH_BYTES];

	snprintf(path, sizeof(path), "%s/%s/%s", folder, g->name, file);
	fputs("    cp ", out);
	files_put_word(path, out);
}

static void tell_keep(const struct triage_group *g, const char *folder, FILE *out)
{
	fprintf(out, "\nKeep it, once it is mended (make check replays it from then on); with a\n"
		     "test of its own, if it deserves one:\n\n");
	tell_copy(g, folder, "input", out);
	fprintf(out, " crashes/%s/%s\n", g->target, g->name);
	tell_copy(g, folder, "regression.c", out);
	fputs(" tests/test_finding_", out);
	for (const char *c = g->name; *c; c++)
		fputc(*c == '-' || *c == '.' ? '_' : *c, out);
	fputs(".c\n", out);
}

static void tell_inputs(const struct triage_group *g, FILE *out)
{
	fprintf(out, "\nFound by %zu input%s:\n\n", g->inputs, g->inputs == 1 ? "" : "s");
	for (size_t i = 0; i < g->inputs; i++)
		fprintf(out, "    %s%s\n", g->input[i]->path,
			g->input[i] == g->smallest ? g->shrunk ? "  (shrunk from this one)"
							       : "  (this one, not shrunk)"
						   : "");
}

static bool write_summary(const struct triage_group *g, const char *at, const char *folder)
{
	FILE *out = create(at, "summary.txt");
	char *text = paragraph(g);

	if (!out || !text) {
		free(text);
		return out && finish(out, at, "summary.txt");
	}
	fprintf(out, "%s: %s\n", g->name, g->outcome.verdict);
	put_wrapped(text, out);
	fputc('\n', out);
	script_print(&g->script, g->outcome.op, out);
	tell_replay(g, folder, out);
	if (!g->device)
		tell_keep(g, folder, out);
	tell_inputs(g, out);
	free(text);
	return finish(out, at, "summary.txt");
}

static bool write_report(const struct triage_group *g, const char *at)
{
	FILE *out = create(at, "report.txt");
	char *report = g->outcome.report ? crash_report_clean(g->outcome.report) : NULL;

	if (out) {
		fprintf(out, "verdict: %s\noperation: %d (%s)\nreason: %s\n", g->outcome.verdict,
			g->outcome.op, describe_op_name(&g->script, g->outcome.op),
			g->outcome.reason);
		for (unsigned int i = 0; i < g->stack.frames; i++)
			fprintf(out, "#%u %s %s:%u\n", i, g->stack.frame[i].function,
				g->stack.frame[i].file, g->stack.frame[i].line);
		if (report)
			fprintf(out, "\n%s", report);
	}
	free(report);
	return out && finish(out, at, "report.txt");
}

static bool write_text_form(const struct triage_group *g, const char *at)
{
	FILE *out = create(at, "script.txt");

	if (!out)
		return false;
	script_print(&g->script, g->outcome.op, out);
	return finish(out, at, "script.txt");
}

/* Each line of the script as a C string. */
static void put_script_strings(const struct script *script, FILE *out)
{
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	if (f)
		script_print(script, -1, f);
	if (f && !fclose(f)) {
		for (char *save, *line = strtok_r(text, "\n", &save); line;
		     line = strtok_r(NULL, "\n", &save))
			fprintf(out, "\n\t\"%s\\n\"", line);
	}
	free(text);
}

static const char regression_head[] = "#include <setjmp.h>\n"
				      "#include <stdarg.h>\n"
				      "#include <stddef.h>\n"
				      "#include <stdint.h>\n"
				      "#include <sys/time.h>\n"
				      "\n"
				      "#include <cmocka.h>\n"
				      "\n"
				      "#include \"play/player.h\"\n"
				      "\n"
				      "static const char text[] =";

static const char regression_tail[] =
	";\n"
	"\n"
	"static void the_device_keeps_the_rules(void **state)\n"
	"{\n"
	"\tstatic struct machine machine;\n"
	"\tstruct bus bus;\n"
	"\tstruct script script;\n"
	"\tstruct verdict v;\n"
	"\tchar error[128];\n"
	"\tconst struct itimerval limit = { .it_value.tv_sec = 10 }; /* of processor time */\n"
	"\n"
	"\t(void)state;\n"
	"\tsetitimer(ITIMER_VIRTUAL, &limit, NULL);\n"
	"\tassert_int_equal(script_parse(text, &script, error, sizeof(error)), 0);\n"
	"\tmachine_create(&machine);\n"
	"\tbus_model_init(&bus, &machine);\n"
	"\tplayer_play(&bus, &script, NULL, &v);\n"
	"\tassert_string_equal(v.reason, \"\");\n"
	"\tassert_true(v.kind == VERDICT_OK || v.kind == VERDICT_REJECTED);\n"
	"}\n"
	"\n"
	"int main(void)\n"
	"{\n"
	"\tstatic const struct CMUnitTest tests[] = {\n"
	"\t\tcmocka_unit_test(the_device_keeps_the_rules),\n"
	"\t};\n"
	"\n"
	"\treturn cmocka_run_group_tests(tests, NULL, NULL);\n"
	"}\n";

static bool write_regression(const struct triage_group *g, const char *at)
{
	FILE *out = create(at, "regression.c");
	char *text = paragraph(g);

	if (out) {
		fputs("/* SPDX-License-Identifier: BSD-3-Clause */\n/*\n", out);
		put_commented(text ? text + 1 : "A finding.", out);
		fprintf(out, " */\n%s", regression_head);
		put_script_strings(&g->script, out);
		fputs(regression_tail, out);
	}
	free(text);
	return out && finish(out, at, "regression.c");
}

static bool write_group(const struct triage_group *g, const char *part, const char *folder)
{
	char at[2 * PATH_BYTES];
	char path[2 * PATH_BYTES + 16];

	snprintf(at, sizeof(at), "%s/%s", part, g->name);
	if (mkdir(at, 0777))
		return complain_of(at, strerror(errno));
	snprintf(path, sizeof(path), "%s/input", at);
	if (!files_write_script(path, &g->script))
		return false;
	snprintf(path, sizeof(path), "%s/original", at);
	return files_write_script(path, &g->smallest->script) && write_text_form(g, at) &&
	       write_report(g, at) && write_summary(g, at, folder) &&
	       (g->device || write_regression(g, at)); /* that is for tests of ours */
}

static bool write_all(const struct triage *t, const char *part, const char *folder)
{
	static const struct {
		const char *name;
		void (*write)(const struct triage *t, FILE *out);
	} table[] = {
		{ "summary.txt", triage_print },
		{ "triage.sarif", triage_write_sarif },
		{ "triage.json", triage_write_json },
	};

	for (size_t i = 0; i < t->groups; i++) {
		if (!write_group(&t->group[i], part, folder))
			return false;
	}
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		FILE *f = create(part, table[i].name);

		if (!f)
			return false;
		table[i].write(t, f);
		if (!finish(f, part, table[i].name))
			return false;
	}
	return true;
}

bool triage_write(const struct triage *t, const char *folder)
{
	char part[PATH_BYTES];

	if ((size_t)snprintf(part, sizeof(part), "%s.%d.part", folder, (int)getpid()) >=
	    sizeof(part))
		return complain_of(folder, "name too long");
	if (!may_replace(folder) || !make_parents(folder))
		return false;
	if (mkdir(part, 0777))
		return complain_of(part, strerror(errno));
	if (!write_all(t, part, folder)) {
		remove_folder(part);
		return false;
	}
	if (!remove_folder(folder))
		return false;
	return !rename(part, folder) || complain_of(folder, strerror(errno));
}
