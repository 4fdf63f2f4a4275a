// The expression of a product, run by the engine of the fused loop (kernels/blocks.h) on finished tiles of c while they
// are in the cache.
#pragma once
#include "../kernels/blocks.h"

namespace gemm {

static const int64_t FRAME_OFFSET = THREAD_SCRATCH / 2;  // the lower half of the scratch holds packed blocks

struct EpiloguePlan {
  bool exists;
  bool oneColumn;  // the engine drops axes of length 1: the rows of c are then its columns
  int64_t across;  // c is one element for each batch: batches in a row of what the engine sees, else 0
  bool isFlat;     // whole rows of all operands lie side by side: `flat` runs over them as one, in longer blocks
  int64_t width;   // columns of c
  BlockPlan blocks, flat;
};

INLINE int64_t epilogueHeader() { return alignUp((int64_t)sizeof(EpiloguePlan), 64); }

static int64_t epiloguePlanBytes(const StepArgs* args) {
  if (!args->words[0]) return epilogueHeader();
  return epilogueHeader() + 2 * blockPlanBytes(parseExpression(args->words + 1), args->viewCount - 3);
}

static void prepareEpilogue(const StepArgs* args, uint8_t* memory) {
  EpiloguePlan* plan = (EpiloguePlan*)(void*)memory;
  plan->exists = args->words[0] != 0;
  plan->oneColumn = false;
  if (!plan->exists) return;
  Expression expression = parseExpression(args->words + 1);
  const View& c = args->views[2];
  plan->oneColumn = c.dims[c.rank - 1] == 1 && c.dynamicAxis != c.rank - 1;
  plan->width = c.dims[c.rank - 1];
  int32_t stores = args->viewCount - 3 - expression.loads;
  uint8_t* behind = memory + epilogueHeader();
  planBlocks(&plan->blocks, expression, args->views + 3, expression.loads, stores, 0, nullptr, true, behind);
  // A row of 128 elements spends as long on the interpreter as on the work; the weights' update, whose operands are all
  // contiguous, runs in blocks of 512 instead.
  behind += blockPlanBytes(expression, args->viewCount - 3);
  planBlocks(&plan->flat, expression, args->views + 3, expression.loads, stores, 0, nullptr, false, behind);
  bool oneRow = c.dims[c.rank - 2] == 1 && c.dynamicAxis != c.rank - 2;
  const Geometry& geometry = plan->blocks.geometry;
  plan->across = plan->oneColumn && oneRow ? geometry.dims[geometry.rank - 1] : 0;
  plan->isFlat = plan->flat.geometry.rank == 1 && c.dynamicAxis != c.rank - 1 && plan->width > 1;
}

// What a thread holds open while it works on the chunks of a step.
struct Epilogue {
  const EpiloguePlan* plan;
  const StepArgs* args;
  uint8_t* scratch;
  bool open, flatOpen;
  Frame frame, flatFrame;
};

INLINE void startEpilogue(Epilogue& epilogue, const StepArgs* args, const EpiloguePlan* plan, Thread* thread) {
  epilogue.plan = plan;
  epilogue.args = args;
  epilogue.scratch = thread->scratch + FRAME_OFFSET;
  epilogue.open = epilogue.flatOpen = false;
}

// Rows and columns of one batch of c's view with `viewRows` rows; batches counted in row-major order.
static void runEpilogue(Epilogue& epilogue, int64_t batch, int64_t viewRows, int64_t rowBegin, int64_t rowEnd,
                        int64_t columnBegin, int64_t columnEnd) {
  const EpiloguePlan* plan = epilogue.plan;
  const View* views = epilogue.args->views + 3;
  if (plan->isFlat && columnBegin == 0 && columnEnd == plan->width) {
    uint8_t* scratch = epilogue.scratch + alignUp(plan->blocks.frameBytes, 64);
    if (!epilogue.flatOpen) openFrame(&epilogue.flatFrame, &plan->flat, views, scratch, plan->flat.block);
    epilogue.flatOpen = true;
    int64_t first = batch * viewRows;
    runAny(&epilogue.flatFrame, views, 0, 1, (first + rowBegin) * plan->width, (first + rowEnd) * plan->width);
    return;
  }
  if (!epilogue.open) openFrame(&epilogue.frame, &plan->blocks, views, epilogue.scratch, plan->blocks.block);
  epilogue.open = true;
  if (plan->across) {
    int64_t row = batch / plan->across, column = batch % plan->across;
    runAny(&epilogue.frame, views, row, row + 1, column, column + 1);
  } else if (plan->oneColumn) runAny(&epilogue.frame, views, batch, batch + 1, rowBegin, rowEnd);
  else runAny(&epilogue.frame, views, batch * viewRows + rowBegin, batch * viewRows + rowEnd, columnBegin, columnEnd);
}

}  // namespace gemm
