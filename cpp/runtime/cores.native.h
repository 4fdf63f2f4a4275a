// Which cores the process may use.
#pragma once
#include <stdint.h>

int32_t countAllowedCores();  // call once before any worker starts
// Threads worth starting: one per physical core among the allowed ones, within the container's share of time.
int32_t usefulThreads();
