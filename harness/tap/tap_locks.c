/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Locks of POSIX threads: a device's objects call these instead, after objcopy
 * --redefine-syms=tap_libc.syms. While nobody listens they are what they are.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdint.h>

#include "tap_internal.h"

extern __typeof__(pthread_mutex_lock) __tap_pthread_mutex_lock, __tap_pthread_mutex_trylock,
	__tap_pthread_mutex_unlock;
extern __typeof__(pthread_spin_lock) __tap_pthread_spin_lock, __tap_pthread_spin_trylock,
	__tap_pthread_spin_unlock;
extern __typeof__(pthread_rwlock_rdlock) __tap_pthread_rwlock_rdlock, __tap_pthread_rwlock_wrlock,
	__tap_pthread_rwlock_tryrdlock, __tap_pthread_rwlock_trywrlock, __tap_pthread_rwlock_unlock;
extern __typeof__(pthread_cond_wait) __tap_pthread_cond_wait;
extern __typeof__(pthread_cond_timedwait) __tap_pthread_cond_timedwait;
extern __typeof__(pthread_cond_signal) __tap_pthread_cond_signal, __tap_pthread_cond_broadcast;
extern __typeof__(sched_yield) __tap_sched_yield;

/* What a mutex is, says the C library's own mark, for those that an initializer made, too. */
static unsigned int kind_of(const pthread_mutex_t *mutex)
{
#ifdef __GLIBC__
	return (mutex->__data.__kind & 3) == PTHREAD_MUTEX_RECURSIVE_NP ? TAP_LOCK_AGAIN : 0;
#else
	(void)mutex;
	return 0;
#endif
}

/* clang-format off */
#define LOCKS(name, type, how, real)                                                               \
	int __tap_##name(type *lock)                                                               \
	{                                                                                          \
		return tap_locks ? tap_locks->take(tap_locks_opaque, (const void *)lock, how)      \
				 : real(lock);                                                     \
	}

#define UNLOCKS(name, type)                                                                        \
	int __tap_##name(type *lock)                                                               \
	{                                                                                          \
		return tap_locks ? tap_locks->give(tap_locks_opaque, (const void *)lock)           \
				 : name(lock);                                                     \
	}

LOCKS(pthread_mutex_lock, pthread_mutex_t, kind_of(lock), pthread_mutex_lock)
LOCKS(pthread_mutex_trylock, pthread_mutex_t, TAP_LOCK_TRY | kind_of(lock), pthread_mutex_trylock)
UNLOCKS(pthread_mutex_unlock, pthread_mutex_t)
LOCKS(pthread_spin_lock, pthread_spinlock_t, 0, pthread_spin_lock)
LOCKS(pthread_spin_trylock, pthread_spinlock_t, TAP_LOCK_TRY, pthread_spin_trylock)
UNLOCKS(pthread_spin_unlock, pthread_spinlock_t)
LOCKS(pthread_rwlock_wrlock, pthread_rwlock_t, 0, pthread_rwlock_wrlock)
LOCKS(pthread_rwlock_trywrlock, pthread_rwlock_t, TAP_LOCK_TRY, pthread_rwlock_trywrlock)
LOCKS(pthread_rwlock_rdlock, pthread_rwlock_t, TAP_LOCK_SHARED, pthread_rwlock_rdlock)
LOCKS(pthread_rwlock_tryrdlock, pthread_rwlock_t, TAP_LOCK_TRY | TAP_LOCK_SHARED, pthread_rwlock_tryrdlock)
UNLOCKS(pthread_rwlock_unlock, pthread_rwlock_t)
/* clang-format on */

int __tap_pthread_cond_wait(pthread_cond_t *cond, pthread_mutex_t *mutex)
{
	return tap_locks ? tap_locks->wait(tap_locks_opaque, cond, mutex, false)
			 : pthread_cond_wait(cond, mutex);
}

int __tap_pthread_cond_timedwait(pthread_cond_t *cond, pthread_mutex_t *mutex,
				 const struct timespec *until)
{
	return tap_locks ? tap_locks->wait(tap_locks_opaque, cond, mutex, true)
			 : pthread_cond_timedwait(cond, mutex, until);
}

int __tap_pthread_cond_signal(pthread_cond_t *cond)
{
	return tap_locks ? tap_locks->wake(tap_locks_opaque, cond, false)
			 : pthread_cond_signal(cond);
}

int __tap_pthread_cond_broadcast(pthread_cond_t *cond)
{
	return tap_locks ? tap_locks->wake(tap_locks_opaque, cond, true)
			 : pthread_cond_broadcast(cond);
}

int __tap_sched_yield(void)
{
	return tap_locks ? tap_locks->yield(tap_locks_opaque) : sched_yield();
}
