// Where the time of a run goes, where the caller asks for it (RunOptions::profile).
//
// While a run is measured every step begins behind a barrier: a step's time then is that of its slowest member, and the
// times of all steps add up to that of the run. A run that is not measured pays for one comparison per step.
//
// The memory is the caller's, zeroed, in doubles:
//   began, ended (on the clock of nanoseconds()), members, capacity
//   per step of the flat list: times run, nanoseconds
//   per member: events that happened, then the first `capacity` of them: { step, began, ended }
#pragma once
#include "runtime/platform.h"

struct Profile {
  double* words;
  int32_t steps, capacity;
  // Of the leader: the step it is at, and since when.
  int32_t step;
  uint64_t since;
};

static const int32_t PROFILE_HEADER = 4;

// False where the memory holds no event of each member.
inline bool openProfile(Profile* profile, double* words, int64_t length, int32_t steps, int32_t members) {
  int64_t room = (length - PROFILE_HEADER - 2 * (int64_t)steps) / members - 1;
  if (room < 3) return false;
  profile->words = words;
  profile->steps = steps;
  profile->capacity = (int32_t)(room / 3);
  profile->step = -1;
  profile->since = nanoseconds();
  if (words[0] == 0) words[0] = (double)profile->since;
  words[2] = members;
  words[3] = profile->capacity;
  return true;
}

// The leader leaves the step it is at; the time goes to that step.
inline void closeStep(Profile* profile, uint64_t now) {
  if (profile->step >= 0) profile->words[PROFILE_HEADER + 2 * profile->step + 1] += (double)(now - profile->since);
  profile->since = now;
  profile->words[1] = (double)now;
}

inline void enterStep(Profile* profile, int32_t step, uint64_t now) {
  closeStep(profile, now);
  profile->step = step;
  profile->words[PROFILE_HEADER + 2 * step] += 1;
}

// A member was at work on a step.
inline void noteEvent(const Profile* profile, int32_t member, int32_t step, uint64_t began, uint64_t ended) {
  double* events = profile->words + PROFILE_HEADER + 2 * profile->steps + member * (1 + 3 * (int64_t)profile->capacity);
  int64_t number = (int64_t)events[0];
  events[0] += 1;
  if (number >= profile->capacity) return;
  double* event = events + 1 + 3 * number;
  event[0] = step;
  event[1] = (double)began;
  event[2] = (double)ended;
}
