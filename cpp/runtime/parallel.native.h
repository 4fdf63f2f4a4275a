// Native threads of the team.
#pragma once
#include "runtime/parallel.h"

// A team of `size` members: the caller and size − 1 threads. Null when there is no memory for it; fewer members when the
// system refuses threads.
Team* startTeam(int32_t size);
void stopTeam(Team* team);  // waits for its threads to end

// Starts a detached-from-signals thread: Node's signals belong to Node's threads.
bool startThread(void* (*body)(void*), void* argument, uint64_t* id);
void joinThread(uint64_t id);
