// A lock, and a condition to wait for under it. Both need no initialization beyond zeros and are never destroyed.
#pragma once

#if defined(_WIN32)

#define WIN32_LEAN_AND_MEAN
#define NOMINMAX
#include <windows.h>

struct Lock {
  SRWLOCK native = SRWLOCK_INIT;
  void take() { AcquireSRWLockExclusive(&native); }
  void leave() { ReleaseSRWLockExclusive(&native); }
};

struct Condition {
  CONDITION_VARIABLE native = CONDITION_VARIABLE_INIT;
  // Called with the lock taken; returns with it taken, perhaps for no reason.
  void wait(Lock* lock) { SleepConditionVariableSRW(&native, &lock->native, INFINITE, 0); }
  void wakeOne() { WakeConditionVariable(&native); }
  void wakeAll() { WakeAllConditionVariable(&native); }
};

#else

#include <pthread.h>

struct Lock {
  pthread_mutex_t native = PTHREAD_MUTEX_INITIALIZER;
  void take() { pthread_mutex_lock(&native); }
  void leave() { pthread_mutex_unlock(&native); }
};

struct Condition {
  pthread_cond_t native = PTHREAD_COND_INITIALIZER;
  // Called with the lock taken; returns with it taken, perhaps for no reason.
  void wait(Lock* lock) { pthread_cond_wait(&native, &lock->native); }
  void wakeOne() { pthread_cond_signal(&native); }
  void wakeAll() { pthread_cond_broadcast(&native); }
};

#endif
