/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A /dev/kvm on a processor with neither VMX nor SVM: KVM emulates each instruction there, and a
 * stock kernel does not come to its first word in hours. One that is made for such a host, or is
 * small, runs all the same. So nothing is refused; but a guest of which nothing is heard while this
 * process used some seconds of processor time is given up.
 */
#ifndef WATCH_H
#define WATCH_H

#include <stdbool.h>
#include <sys/types.h>
#include <time.h>

#define WATCH_SECONDS 10 /* of processor time; a stock kernel on hardware needs a tenth of one */

#define WATCH_NO_HARDWARE                                                                          \
	"the processor here has neither VMX nor SVM, without which KVM runs no stock kernel; "     \
	"ci/with-kvm COMMAND runs one in software"

/* Whether a processor of `cpuinfo` has VMX or SVM. true, too, where the file does not say. */
bool watch_hardware(const char *cpuinfo);
#define WATCH_CPUINFO "/proc/cpuinfo"

struct watch {
	timer_t timer;
	bool running;
};

/*
 * If there is no such hardware: `thread` (a thread's id; 0: any) gets `signal` after WATCH_SECONDS,
 * and after each further second, of this process's processor time. Its handler is the caller's.
 * Returns 0 or a negative errno.
 */
int watch_start(struct watch *w, int signal, pid_t thread) __attribute__((warn_unused_result));
void watch_stop(struct watch *w);

#endif
