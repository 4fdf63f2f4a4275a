// Measures the matrix product on one and two threads (pinned, spinning barrier, fixed shares of the chunks), interleaved,
// and prints the 5th percentile and the fraction of the multiply-add peak measured in the same run.
//
//   npm run measure:gemm -- 512x512x512 784x32x128a 256x1024x1024b 128x32x128*64    (M x K x N, a: a transposed, b: b
//                                                                                   transposed, *batches)
//
// On a machine that others use too: `timeout 60 chrt -f 5 build/gemm/measure-avx512 …` as root.
#include "matmul.h"
#include "peak.h"
#include <algorithm>
#include <atomic>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <vector>

static double seconds() {
  timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static const StepArgs* step;
static int threads = 1;
static Thread members[2];
static struct alignas(64) { std::atomic<int64_t> count{0}; } arrived[2], started;

static void wait(const std::atomic<int64_t>& count, int64_t target) {
  for (int spins = 0; count.load(std::memory_order_acquire) < target; spins++)
    if (spins > 20000) sched_yield();
}
static void barrier(int me) {
  if (threads == 1) return;
  int64_t mine = arrived[me].count.load(std::memory_order_relaxed) + 1;
  arrived[me].count.store(mine, std::memory_order_release);
  wait(arrived[1 - me].count, mine);
}
static void runShare(int me) {
  int32_t phases = matmul_kernel.phases(step);
  for (int32_t phase = 0; phase < phases; phase++) {
    int64_t chunks = matmul_kernel.chunks(step, phase), begin = chunks * me / threads, end = chunks * (me + 1) / threads;
    if (begin < end) matmul_kernel.run(step, phase, begin, end, &members[me]);
    barrier(me);
  }
}
static void pin(int core) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(core, &set);
  sched_setaffinity(0, sizeof set, &set);
}
static void* second(void*) {
  pin(1);
  for (int64_t turn = 1;; turn++) {
    wait(started.count, turn);
    if (!step) return nullptr;
    runShare(1);
  }
}
static void runOnce(int count) {
  threads = count;
  if (count == 2) started.count.fetch_add(1, std::memory_order_release);
  runShare(0);
}

static float* floats(size_t count) {  // in huge pages, as the arenas are
  size_t huge = 2 << 20, bytes = (count * 4 + huge) / huge * huge;
  float* p = (float*)aligned_alloc(huge, bytes);
  madvise(p, bytes, MADV_HUGEPAGE);
  for (size_t i = 0; i < bytes / 4; i++) p[i] = (float)(i * 2654435761u % 17) * 0.1f - 0.8f;
  return p;
}
static View view(int batches, int64_t rows, int64_t columns, bool turned) {
  View v;
  memset(&v, 0, sizeof v);
  v.data = (uint8_t*)floats((size_t)(batches * rows * columns));
  v.dynamicAxis = -1;
  v.rank = 3;
  int64_t dims[] = {batches, rows, columns}, strides[] = {rows * columns, turned ? 1 : columns, turned ? rows : 1};
  for (int d = 0; d < 3; d++) v.dims[d] = dims[d], v.strides[d] = strides[d];
  return v;
}

static void measure(int m, int k, int n, bool turnA, bool turnB, int batches, double peak) {
  View views[3] = {view(batches, m, k, turnA), view(batches, k, n, turnB), view(batches, m, n, false)};
  int32_t words[] = {0};
  StepArgs args;
  memset(&args, 0, sizeof args);
  args.views = views, args.viewCount = 3, args.words = words, args.wordCount = 1;
  args.plan = floats((size_t)matmul_kernel.planBytes(&args) / 4 + 1);
  matmul_kernel.prepare(&args);
  args.scratch = (uint8_t*)floats((size_t)matmul_kernel.scratchBytes(&args) / 4 + 1);
  step = &args;
  double operations = 2.0 * batches * m * k * n, bytes = 4.0 * batches * ((double)m * k + (double)k * n + (double)m * n);
  int repetitions = operations < 2e6 ? 20 : operations < 4e7 ? 5 : 1;
  std::vector<double> times[2];
  for (double start = seconds(); seconds() - start < 0.3 || times[0].size() < 4;)
    for (int count = 1; count <= 2; count++) {
      runOnce(count);
      double begin = seconds();
      for (int i = 0; i < repetitions; i++) runOnce(count);
      times[count - 1].push_back((seconds() - begin) / repetitions);
    }
  printf("%5d x %5d x %5d%s%s", m, k, n, turnA ? " aT" : "", turnB ? " bT" : "");
  if (batches > 1) printf(" * %d", batches);
  for (int i = 0; i < 2; i++) {
    std::sort(times[i].begin(), times[i].end());
    double t = times[i][times[i].size() / 20];
    printf("  | %dT %9.2f us %6.1f GFLOP/s = %3.0f %% %6.1f GB/s", i + 1, t * 1e6, operations / t * 1e-9,
           100 * operations / t / peak / (i + 1), bytes / t * 1e-9);
  }
  printf("\n");
  for (View& v : views) free(v.data);
  free(args.plan), free(args.scratch);
}

int main(int argc, char** argv) {
  pthread_t thread;
  pthread_create(&thread, nullptr, second, nullptr);
  timespec moment = {0, 20000000};
  nanosleep(&moment, nullptr);  // the second thread leaves this core before this one begins to spin
  pin(0);
  for (Thread& member : members) member.scratch = (uint8_t*)floats(THREAD_SCRATCH / 4);
  double peak = fma_peak(0.05, seconds);
  printf("%d lanes, %.1f GFLOP/s per thread\n", (int)LANES, peak * 1e-9);
  for (int i = 1; i < argc; i++) {
    int m, k, n, used = 0;
    if (sscanf(argv[i], "%dx%dx%d%n", &m, &k, &n, &used) < 3) continue;
    const char *flags = argv[i] + used, *star = strchr(flags, '*');
    measure(m, k, n, strchr(flags, 'a'), strchr(flags, 'b'), star ? atoi(star + 1) : 1, peak);
  }
  step = nullptr;
  started.count.fetch_add(1);
  pthread_join(thread, nullptr);
}
