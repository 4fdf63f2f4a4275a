// Text for error messages, put together without a standard library: the WASM build has none.
#pragma once
#include <stdint.h>

struct Message {
  char text[256];
  int32_t length;

  Message() : length(0) { text[0] = 0; }

  Message& operator<<(const char* part) {
    while (*part && length < (int32_t)sizeof text - 1) text[length++] = *part++;
    text[length] = 0;
    return *this;
  }

  Message& operator<<(int64_t number) {
    char digits[24];
    int32_t at = sizeof digits - 1;
    digits[at] = 0;
    uint64_t rest = number < 0 ? 0 - (uint64_t)number : (uint64_t)number;
    do {
      digits[--at] = (char)('0' + rest % 10);
      rest /= 10;
    } while (rest);
    if (number < 0) digits[--at] = '-';
    return *this << digits + at;
  }
  Message& operator<<(int32_t number) { return *this << (int64_t)number; }
};
