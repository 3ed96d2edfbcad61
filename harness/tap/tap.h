/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The tap: each access to guest RAM that a device makes is told, though its source knows nothing of
 * it. The compiler does that, with the flags of ci/tap.mk (README.md has them in words, and what is
 * not seen). The device and this room link with a harness that listens.
 */
#ifndef TAP_H
#define TAP_H

#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Told of `bytes` bytes from `at` on, one of them at least inside of what is listened to; not all,
 * where an access crosses its ends. `place` is where the device goes on afterwards: the place of
 * the access, for naming it, is one byte before (place - 1), in the function that makes it.
 *
 * A member that is NULL is not told. A listener is called on the thread that makes the access, and
 * in the middle of a function of the device: it may change guest RAM, and may leave by longjmp or
 * siglongjmp. Then the access is not made. AddressSanitizer's own longjmp clears the marks of the
 * stack frames that are left so (__asan_handle_no_return); what leaves by other means, as
 * __builtin_longjmp does, has to call that itself first. The device's state is what it is
 * in the middle of its work, locks held and memory not freed: power_cycle has to cope.
 *
 * The listener is not compiled with those flags: it would hear itself.
 */
struct tap_listener {
	/* A load is about to be made. What the listener writes there now is what is loaded. */
	void (*load)(void *opaque, const void *at, size_t bytes, const void *place);
	/*
	 * A store is about to be made: its value is there when the device returns, and in most
	 * cases at the next call of a listener. (A struct copied inside RAM, by gcc: its store is
	 * told, then its load, then both are made.) A device with AddressSanitizer tells a store of
	 * an atomic compare-and-swap also if that does not succeed, and no load of any atomic
	 * read-modify-write; one compiled with -fsanitize=thread tells both as they are.
	 */
	void (*store)(void *opaque, const void *at, size_t bytes, const void *place);
	/*
	 * A system call (read, readv, recvmsg...) has stored: so many bytes, and their values are
	 * there already. The race for what it stores is over.
	 */
	void (*stored)(void *opaque, const void *at, size_t bytes, const void *place);
};

/*
 * From now on `listener` is told of accesses that touch one of these bytes; NULL: nobody is. All
 * others cost a compare and a jump. There is one listener: this replaces the last one. One range:
 * of RAM in several pieces, from the first to the last byte, and the listener looks closer. May be
 * called by a listener.
 */
void tap_listen(const void *from, size_t bytes, const struct tap_listener *listener, void *opaque);

/* How a lock is taken, ORed; 0: alone, once, waiting for it. */
enum tap_lock {
	TAP_LOCK_TRY = 1,    /* EBUSY instead of waiting */
	TAP_LOCK_SHARED = 2, /* with others that do so */
	TAP_LOCK_AGAIN = 4,  /* also by who has it */
};

/*
 * Who has the device's locks in place of the C library: mutexes, spin locks and locks for readers
 * and writers of POSIX threads, whose calls tap_libc.syms renames. Each member returns what that
 * function does. All are there.
 */
struct tap_locks {
	int (*take)(void *opaque, const void *lock, unsigned int how);
	int (*give)(void *opaque, const void *lock);
	/* for a condition, without the mutex in the meantime; `timed`: not for ever */
	int (*wait)(void *opaque, const void *cond, const void *mutex, bool timed);
	/* one that waits for it, or all */
	int (*wake)(void *opaque, const void *cond, bool all);
	int (*yield)(void *opaque); /* sched_yield */
};

/* From now on these have them; NULL: the C library. */
void tap_listen_locks(const struct tap_locks *locks, void *opaque);

#ifdef __cplusplus
}
#endif

#endif
