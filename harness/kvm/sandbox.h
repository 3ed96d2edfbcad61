/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the runner's process gives up before a guest that nobody trusts runs in it, so that a guest
 * that breaks out of a device is left with a process that can do next to nothing.
 *
 *	open all files, sockets, back ends; create the virtual machine
 *	sandbox_begin	capabilities, privileges to be gained, core dumps, the file system
 *	start all threads, which inherit that
 *	sandbox_enter	system calls, those of all threads at once
 *	run the guest
 *
 * Why in two steps: Linux takes capabilities and the file system from one thread, which hands the
 * rest on to the threads that it starts, and starting a thread takes system calls that are refused
 * later.
 *
 * A refused call ends the process with SANDBOX_REFUSED and this line on stderr, together with the
 * call's first three arguments:
 *	anvil boot: sandbox: refused system call execve (59) of 0x..., 0x..., 0x..., which a
 *	runner never makes; the run ends. To look into it, run again with --no-sandbox
 * Two things get an error instead: opening a file that is not on the list below (EACCES, from
 * Landlock), and a raw socket (EPERM), which libslirp tries when the host forbids it to ping.
 *
 * What remains allowed: descriptors that are open already (read, write, writev, lseek, fstat, poll,
 * ppoll, the flags of fcntl, close), memory that is not executable, futexes, clocks and sleeping,
 * signals to this process, ending threads and the process, ioctls that run a vCPU, raise an
 * interrupt, tell or set a vCPU's registers or a terminal's modes; and what `needs` asks for.
 *
 * Duties of the threads: they do not block SIGSYS (a refused call would end the process without
 * that line), and do nothing for the first time that opens files: locales, time zones other than
 * the one at sandbox_begin, getaddrinfo, dlopen.
 *
 * Where a sanitizer or the gathering of coverage is linked in, calls stay allowed that a report or
 * a profile takes: to read files and run programs for a report, and to write files for a profile,
 * which takes Landlock away altogether. That is for tests; sandbox_summary says so.
 */
#ifndef SANDBOX_H
#define SANDBOX_H

#include <stdbool.h>
#include <stddef.h>

/* The exit status after a refused call. */
#define SANDBOX_REFUSED 3

/* How many descriptors can be open once sandbox_begin has returned. */
#define SANDBOX_DESCRIPTORS 1024u

/* Enough for any line of error or summary. */
#define SANDBOX_LINE_BYTES 256u

struct sandbox_needs {
	bool disk_file;	    /* requests of disk_file.h */
	bool disk_io_uring; /* of disk_io_uring.h, one that is `restricted` */
	bool tap;	    /* nic_tap.h: offloads change */
	/*
	 * nic_slirp.h: opens sockets of TCP, UDP and ICMP over IPv4 and IPv6, and reads files.
	 * Which ones is for Landlock to see to: without it, any that the user may read.
	 */
	bool sockets;
	/* Files, by absolute names, which may be opened for reading if `sockets`; what does not
	 * exist now is left out. Needed during sandbox_begin only. */
	const char *const *readable;
	size_t readable_count;
	/* Called before the line of a refused call is printed, inside a signal handler, on the
	 * thread that made it: to give the terminal back as it was. NULL: nothing. */
	void (*on_refusal)(void);
};

/*
 * The process has one thread. From here on, and also for the threads that it starts: no files but
 * those listed can be opened (Linux 5.13 with Landlock; else the system calls alone stand before
 * them), no capabilities, none to be had by a setuid program, no core dumps, no ptrace by others of
 * the same user, SANDBOX_DESCRIPTORS. Returns 0, or
 *   -EBUSY  there are other threads
 *   -ENOENT that cannot be told, as /proc is not mounted
 *   what the system said
 * and one line in `error` that says what to do; then part of it may be in force already.
 */
int sandbox_begin(const struct sandbox_needs *needs, char *error, size_t room)
	__attribute__((warn_unused_result));

/*
 * After sandbox_begin, once. From here on no thread of the process makes other system calls than
 * those above; a new thread is among what is refused. Returns 0, or
 *   -EINVAL  sandbox_begin did not succeed before
 *   what the system said; -ENOSYS or -EINVAL from a kernel without seccomp filters
 * and one line in `error` that says what to do.
 */
int sandbox_enter(char *error, size_t room) __attribute__((warn_unused_result));

/*
 * What is in force, as one line without an end, such as "no_new_privs, no capabilities, seccomp (48
 * calls), Landlock ABI 3", or "none".
 */
void sandbox_summary(char *text, size_t room);

/*
 * Makes a call that every sandbox refuses, and that does nothing where there is none: then it
 * returns. For showing what a refusal looks like.
 */
void sandbox_probe(void);

#endif
