// Shapes of fused loops: the axes of all operands merged and ordered jointly.
//
// Axes of length 1 vanish; two neighbours become one where every operand steps through them evenly. An axis whose length
// is known at run time only may lead a merged group (its strides do not depend on its length) but not stand inside one.
#pragma once
#include "kernel.h"
#include "lanes.h"

struct Geometry {
  int32_t rank;         // ≥ 1
  int32_t dynamicAxis;  // merged axis with a run-time length, or −1
  int32_t dynamicView;  // where to read it: dims[dynamicSource] · dynamicFactor
  int32_t dynamicSource;
  int64_t dynamicFactor;
  int64_t dims[MAX_RANK];
  int32_t classes[MAX_RANK];
};

// Byte strides of operand v along axis d stand at strides[v · MAX_RANK + d]; index generators count in values.
INLINE int64_t viewUnit(const View& view) { return view.buffer == -1 ? 1 : elementSize(view.dtype); }

enum AxisOrder : int32_t {
  AXES_KEPT,    // as they are, not merged (length 1 still vanishes)
  AXES_MERGED,  // merged within a class, in their order
  AXES_SORTED,  // within a class by the strides of the last view (an output), largest first, then merged
  AXES_AS_READ,  // the same by the strides of the first view (a load)
};

// Axes with different classes are not merged; lower classes come first.
static void mergeAxes(Geometry* g, int64_t* strides, const View* views, int32_t viewCount, const int32_t* classes, AxisOrder order) {
  const View& shape = views[0];
  int32_t axes[MAX_RANK], count = 0, dynamic = -1;
  g->dynamicView = -1;
  for (int32_t v = 0; v < viewCount && dynamic < 0; v++)
    if (views[v].dynamicAxis >= 0) {
      dynamic = views[v].dynamicAxis;
      g->dynamicView = v;
    }
  int64_t dims[MAX_RANK];
  for (int32_t d = 0; d < shape.rank; d++) {
    dims[d] = 1;
    for (int32_t v = 0; v < viewCount; v++)
      if (views[v].dims[d] != 1) dims[d] = views[v].dims[d];
    if (dims[d] != 1 || d == dynamic) axes[count++] = d;
  }
  // Insertion sort by class, then by the strides of the last view (an output), then of the views before it; as read the
  // other way round.
  for (int32_t i = 1; i < count; i++)
    for (int32_t j = i; j > 0; j--) {
      int32_t a = axes[j - 1], b = axes[j];
      bool swap = classes && classes[a] > classes[b];
      if (order >= AXES_SORTED && (!classes || classes[a] == classes[b])) {
        for (int32_t k = 0; k < viewCount; k++) {
          int32_t v = order == AXES_AS_READ ? k : viewCount - 1 - k;
          int64_t sa = views[v].strides[a], sb = views[v].strides[b];
          if (sa < 0) sa = -sa;
          if (sb < 0) sb = -sb;
          if (sa == sb || sa == 0 || sb == 0) continue;
          swap = sa < sb;
          break;
        }
      }
      if (!swap) break;
      axes[j - 1] = b;
      axes[j] = a;
    }
  g->rank = 0;
  g->dynamicAxis = -1;
  g->dynamicSource = dynamic;
  g->dynamicFactor = 1;
  for (int32_t i = 0; i < count; i++) {
    int32_t d = axes[i];
    int32_t kind = classes ? classes[d] : 0;
    bool joins = order != AXES_KEPT && g->rank > 0 && g->classes[g->rank - 1] == kind && d != dynamic;
    int32_t last = g->rank - 1;
    for (int32_t v = 0; v < viewCount && joins; v++)
      joins = strides[v * MAX_RANK + last] == views[v].strides[d] * viewUnit(views[v]) * dims[d];
    if (!joins) {
      last = g->rank++;
      g->dims[last] = 1;
      g->classes[last] = kind;
    }
    if (d == dynamic) g->dynamicAxis = last;
    else if (g->dynamicAxis == last) g->dynamicFactor *= dims[d];
    g->dims[last] *= dims[d];
    for (int32_t v = 0; v < viewCount; v++) strides[v * MAX_RANK + last] = views[v].strides[d] * viewUnit(views[v]);
  }
  if (g->rank == 0) {
    g->rank = 1;
    g->dims[0] = 1;
    g->classes[0] = classes ? classes[0] : 0;
    for (int32_t v = 0; v < viewCount; v++) strides[v * MAX_RANK] = 0;
  }
}

// Moves axis `from` so that it becomes axis `to` > from.
static void moveAxis(Geometry* g, int64_t* strides, int32_t viewCount, int32_t from, int32_t to) {
  for (int32_t d = from; d < to; d++) {
    int64_t dim = g->dims[d];
    int32_t kind = g->classes[d];
    g->dims[d] = g->dims[d + 1];
    g->classes[d] = g->classes[d + 1];
    g->dims[d + 1] = dim;
    g->classes[d + 1] = kind;
    for (int32_t v = 0; v < viewCount; v++) {
      int64_t* s = strides + v * MAX_RANK + d;
      int64_t stride = s[0];
      s[0] = s[1];
      s[1] = stride;
    }
    if (g->dynamicAxis == d) g->dynamicAxis = d + 1;
    else if (g->dynamicAxis == d + 1) g->dynamicAxis = d;
  }
}

// The dims of this run.
INLINE void runTimeDims(const Geometry* g, const View* views, int64_t* dims) {
  for (int32_t d = 0; d < g->rank; d++) dims[d] = g->dims[d];
  if (g->dynamicAxis >= 0) dims[g->dynamicAxis] = views[g->dynamicView].dims[g->dynamicSource] * g->dynamicFactor;
}
