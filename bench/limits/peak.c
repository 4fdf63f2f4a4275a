// The machine's own limits, as JSON lines: multiply-add peak per vector width and memory bandwidth, per
// number of threads.
//
//   cc -O3 -march=native -ffp-contract=fast -pthread peak.c -o peak && ./peak [threads] [serve]
//
// Peak: enough independent chains of fused multiply-adds to cover their latency (4 cycles, 2 per cycle: at
// least 8), all in registers. Bandwidth: arrays of 256 MB, beyond every cache, each thread on its own half,
// the best of several sweeps. Bytes are those the program names; the hidden read of a written line is not
// counted, and the copy with streaming stores avoids it.
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#define MAX_THREADS 64
#define FLOATS (64ul << 20) // per array

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + 1e-9 * t.tv_nsec;
}

typedef struct {
  int index, count; // this thread, and how many there are
} Share;
typedef void (*Work)(Share);

static volatile float sink; // keeps results alive
static const long ROUNDS = 60000000;

#define DEFINE_PEAK(NAME, BYTES, CHAINS)                                                                     \
  typedef float NAME##_vector __attribute__((vector_size(BYTES)));                                           \
  static const double NAME##_flop = 2.0 * CHAINS * (BYTES / 4);                                              \
  static void NAME(Share share) {                                                                            \
    NAME##_vector sum[CHAINS], scale = (NAME##_vector){} + 0.999999f, add = (NAME##_vector){} + 1e-6f;       \
    for (int i = 0; i < CHAINS; i++) sum[i] = (NAME##_vector){} + (float)(i + share.index);                  \
    for (long round = 0; round < ROUNDS; round++) {                                                          \
      _Pragma("GCC unroll 24") for (int i = 0; i < CHAINS; i++) sum[i] = sum[i] * scale + add;               \
    }                                                                                                        \
    for (int i = 1; i < CHAINS; i++) sum[0] += sum[i];                                                       \
    sink = sum[0][0];                                                                                        \
  }

DEFINE_PEAK(peak128, 16, 12)
#ifdef __AVX2__
DEFINE_PEAK(peak256, 32, 12)
#endif
#ifdef __AVX512F__
DEFINE_PEAK(peak512, 64, 24)
#endif

// Vectors of the widest kind for the memory loops.
#if defined(__AVX512F__)
#define WIDE 64
#elif defined(__AVX2__)
#define WIDE 32
#else
#define WIDE 16
#endif
typedef float Wide __attribute__((vector_size(WIDE)));
enum { LANES = WIDE / 4 };

static float *a, *b, *c;
static void part(Share s, size_t *from, size_t *to) {
  size_t each = FLOATS / s.count / (8 * LANES) * (8 * LANES);
  *from = each * s.index;
  *to = *from + each;
}

static void stream(float *to, Wide x) {
#if defined(__AVX512F__)
  _mm512_stream_ps(to, (__m512)x);
#elif defined(__AVX2__)
  _mm256_stream_ps(to, (__m256)x);
#elif defined(__x86_64__)
  _mm_stream_ps(to, (__m128)x);
#else
  *(Wide *)to = x;
#endif
}

static void readSum(Share s) {
  size_t from, to;
  part(s, &from, &to);
  Wide sum[8] = {};
  for (size_t i = from; i < to; i += 8 * LANES)
    for (int u = 0; u < 8; u++) sum[u] += *(Wide *)(a + i + u * LANES);
  for (int u = 1; u < 8; u++) sum[0] += sum[u];
  sink = sum[0][0];
}
static void copy(Share s) {
  size_t from, to;
  part(s, &from, &to);
  for (size_t i = from; i < to; i += LANES) stream(b + i, *(Wide *)(a + i));
}
static void triad(Share s) {
  size_t from, to;
  part(s, &from, &to);
  for (size_t i = from; i < to; i += LANES) stream(c + i, *(Wide *)(a + i) * 3.0f + *(Wide *)(b + i));
}
static void touch(Share s) {
  size_t from, to;
  part(s, &from, &to);
  for (size_t i = from; i < to; i++) a[i] = 1, b[i] = 2, c[i] = 3;
}

typedef struct {
  Share share;
  Work work;
} Task;

static void *run(void *argument) {
  Task *task = argument;
#ifdef __linux__ // one core each: a scheduler may leave both threads on one for a while
  cpu_set_t all, one;
  if (task->share.count > 1 && sched_getaffinity(0, sizeof all, &all) == 0) {
    int seen = 0;
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
      if (CPU_ISSET(cpu, &all) && seen++ == task->share.index) {
        CPU_ZERO(&one);
        CPU_SET(cpu, &one);
        sched_setaffinity(0, sizeof one, &one);
        break;
      }
  }
#endif
  task->work(task->share);
  return 0;
}

static double once(Work work, int threads) {
  pthread_t thread[MAX_THREADS];
  Task task[MAX_THREADS];
  double start = now();
  for (int t = 0; t < threads; t++) {
    task[t] = (Task){{t, threads}, work};
    pthread_create(&thread[t], 0, run, &task[t]);
  }
  for (int t = 0; t < threads; t++) pthread_join(thread[t], 0);
  return now() - start;
}

static double seconds(Work work, int threads, int repeats) {
  double best = 1e9;
  for (int r = 0; r < repeats; r++) {
    double took = once(work, threads);
    if (took < best) best = took;
  }
  return best;
}

static int order(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return x < y ? -1 : x > y;
}

// Median of some sweeps: what the memory gives now, beside a workload.
static double median(Work work, int threads) {
  enum { SWEEPS = 15 };
  double took[SWEEPS];
  for (int i = 0; i < SWEEPS; i++) took[i] = once(work, threads);
  qsort(took, SWEEPS, sizeof *took, order);
  return took[SWEEPS / 2];
}

// Answers the names read, copy and triad, a line each, until the input ends.
static void serve(int threads) {
  char name[16];
  double array = FLOATS * 4 / 1e9;
  while (fgets(name, sizeof name, stdin)) {
    double bytes = name[0] == 'r' ? array : name[0] == 'c' ? 2 * array : 3 * array;
    Work work = name[0] == 'r' ? readSum : name[0] == 'c' ? copy : triad;
    printf("%.4g\n", bytes / median(work, threads));
    fflush(stdout);
  }
}

static void report(const char *name, int threads, const char *unit, double value) {
  printf("{\"name\":\"%s\",\"threads\":%d,\"%s\":%.4g}\n", name, threads, unit, value);
  fflush(stdout);
}

int main(int count, char **arguments) {
  int most = count > 1 ? atoi(arguments[1]) : 2;
  if (most < 1 || most > MAX_THREADS) most = 2;
  float **arrays[] = {&a, &b, &c};
  for (int i = 0; i < 3; i++) {
    *arrays[i] = aligned_alloc(2 << 20, FLOATS * sizeof(float));
    if (!*arrays[i]) return 1;
#ifdef MADV_HUGEPAGE
    madvise(*arrays[i], FLOATS * sizeof(float), MADV_HUGEPAGE);
#endif
  }
  seconds(touch, most, 1);
  if (count > 2) {
    serve(most);
    return 0;
  }
  for (int threads = 1; threads <= most; threads += (most > 1 ? most - 1 : 1)) {
    double total = threads * (double)ROUNDS;
    report("peak128", threads, "gflops", total * peak128_flop / seconds(peak128, threads, 3) / 1e9);
#ifdef __AVX2__
    report("peak256", threads, "gflops", total * peak256_flop / seconds(peak256, threads, 3) / 1e9);
#endif
#ifdef __AVX512F__
    report("peak512", threads, "gflops", total * peak512_flop / seconds(peak512, threads, 3) / 1e9);
#endif
    double array = FLOATS * 4 / 1e9;
    report("read", threads, "gbs", array / seconds(readSum, threads, 5));
    report("copy", threads, "gbs", 2 * array / seconds(copy, threads, 5));
    report("triad", threads, "gbs", 3 * array / seconds(triad, threads, 5));
  }
}
