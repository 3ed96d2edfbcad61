/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Inputs that end a target before it has read all that it starts from. Each start would end there,
 * so a campaign goes on without them; the next one tries them again.
 *
 * A seed stays where it is: the target reads copies of the others, from <out>/seeds/<target>. What
 * was kept earlier moves from <out>/<corpus>/<target>, which the target reads and writes, to
 * <out>/set-aside/<target>.
 */
#ifndef ENGINE_ASIDE_H
#define ENGINE_ASIDE_H

#include <stdbool.h>

#define ASIDE_SEEDS "seeds"

struct engine_dirs;
struct engine_job;

/* Moves back what was moved in an earlier campaign; false after a complaint. */
bool aside_restore(const struct engine_dirs *dirs, const char *corpus, const char *target);

/*
 * Sets each input aside whose content is that of `artefact`, and calls `tell` with its path.
 * job->set_aside says whether inputs of this target were set aside before. Returns how many it was
 * now, or -1 after a complaint.
 */
int aside_put(const struct engine_job *job, const char *artefact, void (*tell)(const char *path));

#endif
