// Checks the matrix product against a naive one in double: every tile remainder, transposed and padded operands, batches
// and broadcast, dynamic axes with scratch sized by the bound, epilogues, chunks in any order (the bits must not change).
//
//   npm run check:gemm
#include "matmul.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <vector>

static uint64_t state = 88172645463325252ull;
static int below(int n) {
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return (int)((state >> 32) % (uint32_t)n);
}
static float number() { return (float)(below(2001) - 1000) / 1000.0f; }
static std::vector<float> numbers(size_t count) {
  std::vector<float> v(count);
  for (float& x : v) x = number();
  return v;
}

enum Dynamic { STATIC, DYNAMIC_ROWS, DYNAMIC_DEPTH };
struct Case {
  int batches, rows, columns, depth;  // batches 0: no batch axis
  bool turnA, turnB, batchA, batchB;
  int padA, padB, padC;
  Dynamic dynamic;
};

static View makeView(float* data, int buffer, int batches, int rows, int columns, int64_t batchStride, int64_t row, int64_t column) {
  View view;
  memset(&view, 0, sizeof view);
  view.data = (uint8_t*)data;
  view.buffer = buffer;
  view.dtype = DT_F32;
  view.dynamicAxis = -1;
  if (batches) view.dims[view.rank] = batches, view.strides[view.rank++] = batchStride;
  view.dims[view.rank] = rows, view.strides[view.rank++] = row;
  view.dims[view.rank] = columns, view.strides[view.rank++] = column;
  return view;
}

static int failures = 0, cases = 0;
static void fail(const Case& t, const char* why) {
  failures++;
  printf("%s: batches %d, %d x %d x %d, turned %d %d, batched %d %d, padding %d %d %d, dynamic %d\n", why, t.batches, t.rows,
         t.depth, t.columns, t.turnA, t.turnB, t.batchA, t.batchB, t.padA, t.padB, t.padC, t.dynamic);
}

static void runAll(const StepArgs* args, Thread* thread, bool shuffled) {
  for (int phase = 0; phase < matmul_kernel.phases(args); phase++) {
    int64_t count = matmul_kernel.chunks(args, phase);
    memset(thread->scratch, 0xff, THREAD_SCRATCH);
    if (!shuffled) matmul_kernel.run(args, phase, 0, count, thread);
    std::vector<int64_t> order;
    for (int64_t i = 0; shuffled && i < count; i++) order.insert(order.begin() + below((int)i + 1), i);
    for (int64_t chunk : order) matmul_kernel.run(args, phase, chunk, chunk + 1, thread);
  }
}

// With an epilogue c becomes relu(c · scale + bias) + column, and a second output c + residual is written.
static void check(const Case& t) {
  cases++;
  const int batches = t.batches ? t.batches : 1;
  const int64_t rowA = (t.turnA ? t.rows : t.depth) + t.padA, rowB = (t.turnB ? t.depth : t.columns) + t.padB, rowC = t.columns + t.padC;
  const int64_t sizeA = rowA * (t.turnA ? t.depth : t.rows), sizeB = rowB * (t.turnB ? t.columns : t.depth), sizeC = rowC * t.rows;
  auto exact = [](int64_t size, int pad) { return (size_t)(size > pad ? size - pad : 0); };  // no padding after the last row
  std::vector<float> a = numbers(exact(sizeA * (t.batchA ? batches : 1), t.padA)), b = numbers(exact(sizeB * (t.batchB ? batches : 1), t.padB));
  std::vector<float> c[2];
  c[0] = c[1] = std::vector<float>(exact(sizeC * batches, t.padC), 12345.0f);
  float scale = 0.75f;
  const int64_t plane = (int64_t)t.rows * t.columns;
  std::vector<float> bias = numbers(t.columns), column = numbers((size_t)batches * t.rows), residual = numbers(plane * batches), second(plane * batches);
  bool epilogue = below(2);

  std::vector<View> views;
  views.push_back(makeView(a.data(), 0, t.batchA || below(2) ? t.batches : 0, t.rows, t.depth, t.batchA ? sizeA : 0, t.turnA ? 1 : rowA, t.turnA ? rowA : 1));
  views.push_back(makeView(b.data(), 1, t.batchB || below(2) ? t.batches : 0, t.depth, t.columns, t.batchB ? sizeB : 0, t.turnB ? 1 : rowB, t.turnB ? rowB : 1));
  auto like = [&](float* data, int buffer, int64_t batch, int64_t row, int64_t col) {
    views.push_back(makeView(data, buffer, t.batches, t.rows, t.columns, batch, row, col));
  };
  like(c[0].data(), 2, sizeC, rowC, 1);
  if (epilogue) {
    like(c[0].data(), 2, sizeC, rowC, 1);
    like(&scale, 3, 0, 0, 0);
    like(bias.data(), 4, 0, 0, 1);
    like(column.data(), 5, t.rows, 1, 0);
    like(residual.data(), 6, plane, t.columns, 1);
    like(c[0].data(), 2, sizeC, rowC, 1);
    like(second.data(), 7, plane, t.columns, 1);
  }
  int32_t words[] = {epilogue, 5, 0, 5, OPCODE_mul, 2, 0, 1, OPCODE_add, 2, 5, 2, OPCODE_relu, 1, 6, OPCODE_add, 2, 7, 3, OPCODE_add, 2, 0, 4, 2, 8, 9};

  // At load the views carry the bounds of dynamic axes and no data.
  std::vector<View> bounds = views;
  for (size_t i = 0; i < views.size(); i++) {
    int axis = t.dynamic == DYNAMIC_ROWS && i != 1 ? views[i].rank - 2 : t.dynamic == DYNAMIC_DEPTH && i < 2 ? views[i].rank - 1 - (int)i : -1;
    views[i].dynamicAxis = bounds[i].dynamicAxis = axis;
    if (axis >= 0) bounds[i].dims[axis] = bounds[i].dims[axis] * 3 + 100;
    bounds[i].data = nullptr;
  }
  StepArgs args;
  memset(&args, 0, sizeof args);
  args.views = bounds.data();
  args.words = words;
  args.viewCount = (int)views.size();
  args.wordCount = sizeof words / sizeof words[0];
  if (matmul_kernel.verify(&args)) fail(t, matmul_kernel.verify(&args));
  args.plan = aligned_alloc(64, alignUp(matmul_kernel.planBytes(&args), 64));
  matmul_kernel.prepare(&args);
  uint8_t* scratch = (uint8_t*)aligned_alloc(256, alignUp(matmul_kernel.scratchBytes(&args), 256));
  memset(scratch, 0xff, matmul_kernel.scratchBytes(&args));
  args.scratch = scratch;
  args.views = views.data();
  static uint8_t* threadScratch = (uint8_t*)aligned_alloc(4096, THREAD_SCRATCH);
  Thread thread;
  memset(&thread, 0, sizeof thread);
  thread.scratch = threadScratch;
  for (int pass = 0; pass < 2; pass++) {
    for (View& view : views)
      if (view.buffer == 2) view.data = (uint8_t*)c[pass].data();
    runAll(&args, &thread, pass == 1);
  }
  free(args.plan);
  free(scratch);

  if (memcmp(c[0].data(), c[1].data(), c[0].size() * 4)) return fail(t, "the order of chunks changes the bits");
  for (int batch = 0; batch < batches; batch++)
    for (int i = 0; i < t.rows; i++)
      for (int j = 0; j < rowC; j++) {
        size_t at = (size_t)(batch * sizeC + i * rowC + j);
        if (j >= t.columns) {
          if (at < c[0].size() && c[0][at] != 12345.0f) return fail(t, "padding of c overwritten");
          continue;
        }
        double sum = 0, magnitude = 0;
        for (int k = 0; k < t.depth; k++) {
          double x = a[(t.batchA ? batch * sizeA : 0) + (t.turnA ? k * rowA + i : i * rowA + k)];
          double y = b[(t.batchB ? batch * sizeB : 0) + (t.turnB ? j * rowB + k : k * rowB + j)];
          sum += x * y, magnitude += fabs(x * y);
        }
        double expected = sum, tolerance = 2e-6 * (magnitude + (epilogue ? 3 : 0));
        if (epilogue) expected = fmax(sum * scale + bias[j], 0) + column[(size_t)batch * t.rows + i];
        if (!(fabs(c[0][at] - expected) <= tolerance)) return fail(t, "wrong product");
        size_t dense = (size_t)(batch * plane + (int64_t)i * t.columns + j);
        if (epilogue && !(fabs(second[dense] - (sum + residual[dense])) <= tolerance)) return fail(t, "wrong second output");
      }
}

int main() {
  const int columns[] = {0, 1, 3, 10, 15, 16, 17, 31, 32, 33, 47, 64, 65, 70}, depths[] = {0, 1, 2, 5, 17};
  for (int rows = 0; rows <= 18; rows++)
    for (int n : columns)
      for (int k : depths)
        for (int turn = 0; turn < 4; turn++)
          check({0, rows, n, k, (turn & 1) != 0, turn > 1, false, false, below(3), below(3), below(3), (Dynamic)below(3)});
  for (int i = 0; i < 400; i++)
    check({below(3) * below(4), below(70), below(150), below(300), !below(2), !below(2), !below(2), !below(2), below(3), below(3), below(3), (Dynamic)below(3)});
  const int shapes[][4] = {{0, 32, 128, 784}, {0, 784, 128, 32}, {0, 1, 1000, 1500}, {0, 1500, 1, 1000}, {0, 1, 5000, 700}, {0, 1, 1, 200000},
                           {0, 9000, 1, 300}, {0, 8, 1024, 1024}, {0, 16, 16, 20000}, {0, 300, 300, 300}, {0, 257, 513, 600}, {0, 1030, 520, 1040},
                           {0, 3, 700, 500}, {0, 6, 3000, 2000}, {0, 70, 90, 6400}, {3, 100, 200, 300}, {40, 33, 65, 64}, {6, 1, 400, 600}, {6, 400, 1, 600}};
  for (const int* s : shapes)
    for (int turn = 0; turn < 4; turn++)
      for (int batched = 0; batched < (s[0] ? 4 : 1); batched++)
        check({s[0], s[1], s[2], s[3], (turn & 1) != 0, turn > 1, (batched & 1) != 0, batched > 1, 0, 0, below(3), (Dynamic)below(3)});
  printf("%d cases, %d failures\n", cases, failures);
  return failures != 0;
}
