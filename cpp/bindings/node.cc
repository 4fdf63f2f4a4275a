// The Node addon: the engine as JavaScript sees it. Raw Node-API, so one binary serves every Node version, and no C++
// library. The types of these functions are in src/backends/cpu/addon.ts.
//
// One engine serves all worker threads of the process. Each environment (a Node thread) has a State: its completed runs
// come back through one threadsafe function, referenced only while a run is pending, so that an idle engine never keeps
// a process alive; when the environment ends, its runs are ended first, because its memory goes away with it.
#include "bindings/node_values.h"
#include "runtime/cores.native.h"
#include "runtime/dispatch.h"
#include "runtime/engine.native.h"
#include "runtime/measure.h"
#include "runtime/pool.native.h"

struct State {
  napi_threadsafe_function completions;
  int32_t pending;
};

// A queued run: the job the engine sees, and what JavaScript waits for.
struct NodeRun {
  Job job;
  State* state;
  napi_deferred promise;
  napi_ref kept;  // [result, stop]: alive until the run has ended
};


static State* stateOf(napi_env env) {
  void* state = nullptr;
  napi_get_instance_data(env, &state);
  return (State*)state;
}

// The engine starts with the first call that needs it; throws where it can't.
static bool ensureEngine(napi_env env) {
  Message message;
  if (startEngine(&message)) return true;
  throwError(env, message.text);
  return false;
}

// ---- Programs --------------------------------------------------------------------------------------------------

static napi_value load(napi_env env, napi_callback_info info) {
  size_t count = 1;
  napi_value arguments[1];
  napi_get_cb_info(env, info, &count, arguments, nullptr, nullptr);
  Words words;
  if (!readInt32Array(env, arguments[0], &words)) return throwTypeError(env, "load(words: Int32Array)");
  if (!ensureEngine(env)) return nullptr;
  Message message;
  Executable* program = loadProgram(words.data, (int64_t)words.length, engineKernels(), &message);
  if (!program) return throwError(env, message.text);
  int32_t handle = addProgram(program, stateOf(env));
  if (handle) return numberOf(env, handle);
  unloadProgram(program);
  return throwError(env, "no room for another program; unload some");
}

static int32_t readHandle(napi_env env, napi_value value) {
  int32_t handle = 0;
  napi_get_value_int32(env, value, &handle);
  return handle;
}

static napi_value unload(napi_env env, napi_callback_info info) {
  size_t count = 1;
  napi_value arguments[1];
  napi_get_cb_info(env, info, &count, arguments, nullptr, nullptr);
  if (!removeProgram(readHandle(env, arguments[0]), stateOf(env))) return throwError(env, "unload: no such program");
  return nullptr;
}

static napi_value arenaBytes(napi_env env, napi_callback_info info) {
  size_t count = 1;
  napi_value arguments[1];
  napi_get_cb_info(env, info, &count, arguments, nullptr, nullptr);
  Executable* program = findProgram(readHandle(env, arguments[0]), stateOf(env));
  if (!program) return throwError(env, "arenaBytes: no such program");
  return numberOf(env, (double)arenaNeed(program));
}

// ---- Runs ------------------------------------------------------------------------------------------------------

// Programs rarely bind more buffers than this; more are read into memory of their own.
static const size_t FEW_BINDINGS = 64;

static uint8_t** readBindings(const Executable* program, const Addresses* addresses, uint8_t** few) {
  size_t count = (size_t)program->bindingCount;
  uint8_t** bindings = few && count <= FEW_BINDINGS ? few : (uint8_t**)allocateRecord((count + 1) * sizeof(uint8_t*), 16);
  if (!bindings) return nullptr;
  for (size_t i = 0; i < count; i++) bindings[i] = (uint8_t*)(uintptr_t)addresses->data[i];
  return bindings;
}

static const char* checkRun(const Executable* program, const Addresses* addresses, const Words* result) {
  if (!program) return "run: no such program";
  if ((int64_t)addresses->length < program->bindingCount) return "run: fewer bindings than the program has";
  if (result->length < RESULT_WORDS) return "run: the result array has less than 9 words";
  return nullptr;
}

// The last argument of a run that is measured.
static bool readProfile(napi_env env, napi_value value, RunOptions* options) {
  Addresses memory;
  if (!readFloat64Array(env, value, &memory)) return false;
  options->profile = (double*)memory.data;
  options->profileLength = (int64_t)memory.length;
  return true;
}

// runSync(handle, bindings, steps, resume, result, profile?)
static napi_value runSync(napi_env env, napi_callback_info info) {
  size_t count = 6;
  napi_value arguments[6];
  napi_get_cb_info(env, info, &count, arguments, nullptr, nullptr);
  Addresses addresses;
  Words words;
  RunOptions options = {};
  bool isRead = count >= 5 && readFloat64Array(env, arguments[1], &addresses) &&
                napi_get_value_int64(env, arguments[2], &options.steps) == napi_ok &&
                napi_get_value_int32(env, arguments[3], &options.resume) == napi_ok &&
                readInt32Array(env, arguments[4], &words) &&
                (count == 5 || readProfile(env, arguments[5], &options));
  if (!isRead) {
    return throwTypeError(
        env, "runSync(handle, bindings: Float64Array, steps, resume, result: Int32Array, profile?: Float64Array)");
  }
  Executable* program = findProgram(readHandle(env, arguments[0]), stateOf(env));
  if (const char* why = checkRun(program, &addresses, &words)) return throwError(env, why);
  uint8_t* few[FEW_BINDINGS];
  uint8_t** bindings = readBindings(program, &addresses, few);
  if (!bindings) return throwError(env, "no memory to run the program");
  RunResult result = runNow(program, bindings, &options);
  if (bindings != few) freeRecord(bindings);
  if (result.error) return throwError(env, result.error);
  writeResult(&result, words.data);
  return nullptr;
}

static void freeRun(NodeRun* run) {
  freeRecord(run->job.bindings);
  freeRecord(run);
}

// On the engine thread.
static void whenDone(Job* job) {
  NodeRun* run = (NodeRun*)job;
  napi_call_threadsafe_function(run->state->completions, run, napi_tsfn_nonblocking);
}

static void settle(napi_env env, NodeRun* run) {
  napi_value kept, array, error, message, nothing;
  napi_get_reference_value(env, run->kept, &kept);
  const RunResult* result = &run->job.result;
  if (result->error) {
    napi_create_string_utf8(env, result->error, NAPI_AUTO_LENGTH, &message);
    napi_create_error(env, nullptr, message, &error);
    napi_reject_deferred(env, run->promise, error);
  } else {
    Words words;
    napi_get_element(env, kept, 0, &array);
    // A detached result array has length 0: there is nobody left to read it.
    if (readInt32Array(env, array, &words) && words.length >= RESULT_WORDS) writeResult(result, words.data);
    napi_get_undefined(env, &nothing);
    napi_resolve_deferred(env, run->promise, nothing);
  }
  napi_delete_reference(env, run->kept);
}

// On the environment's own thread; env is null when it is being torn down.
static void complete(napi_env env, napi_value, void*, void* data) {
  NodeRun* run = (NodeRun*)data;
  if (env) {
    napi_handle_scope scope;
    napi_open_handle_scope(env, &scope);
    settle(env, run);
    napi_close_handle_scope(env, scope);
    State* state = run->state;
    if (--state->pending == 0) napi_unref_threadsafe_function(env, state->completions);
  }
  freeRun(run);
}

static napi_ref keep(napi_env env, napi_value result, napi_value stop, napi_value profile) {
  napi_value kept;
  napi_ref reference;
  napi_create_array_with_length(env, profile ? 3 : 2, &kept);
  napi_set_element(env, kept, 0, result);
  napi_set_element(env, kept, 1, stop);
  if (profile) napi_set_element(env, kept, 2, profile);
  napi_create_reference(env, kept, 1, &reference);
  return reference;
}

// run(handle, bindings, steps, budgetMs, stop, resume, result, profile?)
static napi_value run(napi_env env, napi_callback_info info) {
  size_t count = 8;
  napi_value arguments[8], promise;
  napi_get_cb_info(env, info, &count, arguments, nullptr, nullptr);
  Addresses addresses;
  Words stop, words;
  RunOptions options = {};
  bool isRead = count >= 7 && readFloat64Array(env, arguments[1], &addresses) &&
                napi_get_value_int64(env, arguments[2], &options.steps) == napi_ok &&
                readNumber(env, arguments[3], &options.budget) && readInt32Array(env, arguments[4], &stop) &&
                stop.length > 0 && napi_get_value_int32(env, arguments[5], &options.resume) == napi_ok &&
                readInt32Array(env, arguments[6], &words) && (count == 7 || readProfile(env, arguments[7], &options));
  if (!isRead) {
    return throwTypeError(env,
                          "run(handle, bindings: Float64Array, steps, budgetMs, stop: Int32Array, resume, "
                          "result: Int32Array, profile?: Float64Array)");
  }
  State* state = stateOf(env);
  Executable* program = findProgram(readHandle(env, arguments[0]), state);
  if (const char* why = checkRun(program, &addresses, &words)) return throwError(env, why);
  NodeRun* node = (NodeRun*)allocateRecord(sizeof(NodeRun), 16);
  uint8_t** bindings = node ? readBindings(program, &addresses, nullptr) : nullptr;
  if (!bindings) {
    freeRecord(node);
    return throwError(env, "no memory to run the program");
  }
  options.stop = stop.data;
  node->state = state;
  node->job.program = program;
  node->job.bindings = bindings;
  node->job.options = options;
  node->job.whenDone = whenDone;
  node->job.owner = state;
  node->kept = keep(env, arguments[6], arguments[4], count > 7 ? arguments[7] : nullptr);
  napi_create_promise(env, &node->promise, &promise);
  if (state->pending++ == 0) napi_ref_threadsafe_function(env, state->completions);
  if (!submitJob(&node->job)) {
    node->job.result.error = "the system refuses to start the engine's thread";
    complete(env, nullptr, nullptr, node);  // rejects the promise
  }
  return promise;
}

// ---- Memory ----------------------------------------------------------------------------------------------------

static void collect(napi_env, void*, void* hint) { forgetBlock((Block*)hint); }

// allocate(bytes, unbounded = false): { buffer, address }. Contents undefined. At the pool's bound the memory is
// JavaScript's own. V8 counts both kinds as external memory of the ArrayBuffer, so nothing is reported to it here.
static napi_value allocate(napi_env env, napi_callback_info info) {
  size_t count = 2;
  napi_value arguments[2], buffer, object;
  napi_get_cb_info(env, info, &count, arguments, nullptr, nullptr);
  double bytes = -1;
  if (!readNumber(env, arguments[0], &bytes) || !(bytes >= 0) || bytes > 9007199254740991.0) {
    return throwTypeError(env, "allocate(bytes: a size in bytes, unbounded?: boolean)");
  }
  bool isUnbounded = false;
  if (count > 1) napi_get_value_bool(env, arguments[1], &isUnbounded);
  void* memory = nullptr;
  Block* block = bytes > 0 ? takeBlock((int64_t)bytes, !isUnbounded) : nullptr;
  if (block) {
    memory = memoryOf(block);
    napi_status status = napi_create_external_arraybuffer(env, memory, (size_t)bytes, collect, block, &buffer);
    if (status != napi_ok) {
      forgetBlock(block);
      block = nullptr;
    }
  }
  if (!block && napi_create_arraybuffer(env, (size_t)bytes, &memory, &buffer) != napi_ok) {
    return throwError(env, "no memory for the array");
  }
  napi_create_object(env, &object);
  napi_set_named_property(env, object, "buffer", buffer);
  setNumber(env, object, "address", (double)(uintptr_t)memory);
  return object;
}

// release(buffer): the memory is free for others at once, the ArrayBuffer is detached.
static napi_value release(napi_env env, napi_callback_info info) {
  size_t count = 1, length;
  napi_value arguments[1];
  void* memory = nullptr;
  napi_get_cb_info(env, info, &count, arguments, nullptr, nullptr);
  if (napi_get_arraybuffer_info(env, arguments[0], &memory, &length) != napi_ok) {
    return throwTypeError(env, "release(buffer: ArrayBuffer)");
  }
  Block* block = length > 0 ? findBlock(memory) : nullptr;
  if (napi_detach_arraybuffer(env, arguments[0]) != napi_ok) return throwError(env, "release: the buffer can't be detached");
  if (block) returnBlock(block);
  return nullptr;
}

static napi_value addressOf(napi_env env, napi_callback_info info) {
  size_t count = 1, length;
  napi_value arguments[1];
  void* memory = nullptr;
  napi_get_cb_info(env, info, &count, arguments, nullptr, nullptr);
  bool isFound = napi_get_typedarray_info(env, arguments[0], nullptr, &length, &memory, nullptr, nullptr) == napi_ok ||
                 napi_get_arraybuffer_info(env, arguments[0], &memory, &length) == napi_ok ||
                 napi_get_dataview_info(env, arguments[0], &length, &memory, nullptr, nullptr) == napi_ok;
  if (!isFound) return throwTypeError(env, "addressOf(memory: ArrayBuffer, typed array or DataView)");
  return numberOf(env, (double)(uintptr_t)memory);
}

// ---- The engine itself -----------------------------------------------------------------------------------------

static napi_value namesOf(napi_env env, const char* const* names, int32_t count) {
  napi_value list;
  napi_create_array_with_length(env, (size_t)count, &list);
  for (int32_t i = 0; i < count; i++) napi_set_element(env, list, (uint32_t)i, stringOf(env, names[i] ? names[i] : ""));
  return list;
}

static napi_value kernels(napi_env env, napi_callback_info) {
  if (!ensureEngine(env)) return nullptr;
  const KernelTable* table = engineKernels();
  napi_value list;
  napi_create_array_with_length(env, (size_t)kernelCount(table), &list);
  for (int32_t i = 0; i < kernelCount(table); i++) {
    napi_set_element(env, list, (uint32_t)i, stringOf(env, kernelAt(table, i)->name));
  }
  return list;
}

static napi_value opcodes(napi_env env, napi_callback_info) {
  if (!ensureEngine(env)) return nullptr;
  return namesOf(env, engineKernels()->opcodes, engineKernels()->opcodeCount);
}

static napi_value info(napi_env env, napi_callback_info) {
  if (!ensureEngine(env)) return nullptr;
  napi_value object;
  napi_create_object(env, &object);
  const KernelTable* tables[16];
  const char* names[16];
  int32_t count = availableKernels(tables, 16);
  for (int32_t i = 0; i < count; i++) names[i] = tables[i]->isa;
  ProcessorInfo processor;
  describeProcessor(&processor);
  PoolUse use = poolUse();
  setString(env, object, "isa", engineKernels()->isa);
  napi_set_named_property(env, object, "isas", namesOf(env, names, count));
  setString(env, object, "processor", processor.brand);
  setString(env, object, "features", processor.features);
  setNumber(env, object, "threads", engineTeam()->size);
  setNumber(env, object, "cores", countAllowedCores());
  setNumber(env, object, "poolInUse", (double)use.inUse);
  setNumber(env, object, "poolFree", (double)use.free);
  setNumber(env, object, "poolBytes", (double)use.bound);
  setNumber(env, object, "arenaBytes", (double)engineArenaBytes());
  return object;
}

struct Settings {
  int32_t threads;              // 0: as it is
  const KernelTable* kernels;   // null: as it is
  bool isDone;
};

static void applySettings(void* argument) {
  Settings* settings = (Settings*)argument;
  settings->isDone = settings->threads == 0 || setThreads(settings->threads);
  if (settings->kernels) setKernels(settings->kernels);
}

static napi_value configure(napi_env env, napi_callback_info info) {
  size_t count = 1;
  napi_value arguments[1], value;
  napi_get_cb_info(env, info, &count, arguments, nullptr, nullptr);
  if (!ensureEngine(env)) return nullptr;
  Settings settings = {};
  Message message;
  double bytes;
  char isa[32];
  size_t length;
  if (getProperty(env, arguments[0], "threads", &value)) {
    if (napi_get_value_int32(env, value, &settings.threads) != napi_ok || settings.threads < 1 ||
        settings.threads > MAX_THREADS) {
      message << "configure: threads must be an integer from 1 to " << MAX_THREADS;
      return throwError(env, message.text);
    }
  }
  if (getProperty(env, arguments[0], "isa", &value)) {
    if (napi_get_value_string_utf8(env, value, isa, sizeof isa, &length) != napi_ok) {
      return throwTypeError(env, "configure: isa must be a string");
    }
    settings.kernels = chooseKernels(isa, &message);
    if (!settings.kernels) return throwError(env, message.text);
  }
  if (getProperty(env, arguments[0], "poolBytes", &value)) {
    if (!readNumber(env, value, &bytes) || !(bytes >= 0)) return throwTypeError(env, "configure: poolBytes must be a size");
    setPoolBound((int64_t)bytes);
  }
  if (settings.threads || settings.kernels) {
    withEngine(applySettings, &settings);
    if (!settings.isDone) return throwError(env, "configure: no memory to start the thread pool");
  }
  return nullptr;
}

struct Measurement {
  int32_t threads;
  double seconds, rate;
  MeasuredRate what;
};

static void measureEngine(void* argument) {
  Measurement* m = (Measurement*)argument;
  m->rate = measureRate(engineTeam(), engineKernels(), m->threads, m->seconds, m->what);
}

// peak(threads, seconds), bandwidth(threads, seconds), cacheBandwidth(threads, seconds): FLOP/s and bytes/s of this
// machine, measured now.
static napi_value measure(napi_env env, napi_callback_info info, MeasuredRate what) {
  size_t count = 2;
  napi_value arguments[2];
  napi_get_cb_info(env, info, &count, arguments, nullptr, nullptr);
  if (!ensureEngine(env)) return nullptr;
  Measurement measurement = {};
  double threads;
  if (!readNumber(env, arguments[0], &threads) || !readNumber(env, arguments[1], &measurement.seconds)) {
    return throwTypeError(env, "expected (threads: number, seconds: number)");
  }
  measurement.threads = (int32_t)threads;
  measurement.what = what;
  withEngine(measureEngine, &measurement);
  return numberOf(env, measurement.rate);
}

static napi_value peak(napi_env env, napi_callback_info info) { return measure(env, info, PEAK_FLOPS); }
static napi_value bandwidth(napi_env env, napi_callback_info info) { return measure(env, info, MEMORY_BANDWIDTH); }
static napi_value cacheBandwidth(napi_env env, napi_callback_info info) { return measure(env, info, CACHE_BANDWIDTH); }

// ---- Module ----------------------------------------------------------------------------------------------------

static void endEnvironment(void* state) { forgetOwner(state); }

static void freeState(napi_env, void* state, void*) { freeRecord(state); }

static bool makeState(napi_env env) {
  State* state = (State*)allocateRecord(sizeof(State), 16);
  if (!state) return false;
  napi_value name = stringOf(env, "myelin");
  bool isMade = napi_create_threadsafe_function(env, nullptr, nullptr, name, 0, 1, nullptr, nullptr, nullptr, complete,
                                                &state->completions) == napi_ok &&
                napi_unref_threadsafe_function(env, state->completions) == napi_ok &&
                napi_set_instance_data(env, state, freeState, nullptr) == napi_ok;
  // Hooks run last in, first out: the runs end before the threadsafe function goes.
  return isMade && napi_add_env_cleanup_hook(env, endEnvironment, state) == napi_ok;
}

NAPI_MODULE_INIT() {
  if (!makeState(env)) return throwError(env, "no memory to start the addon");
  const struct {
    const char* name;
    napi_callback function;
  } functions[] = {
      {"load", load},           {"unload", unload},       {"arenaBytes", arenaBytes}, {"run", run},
      {"runSync", runSync},     {"allocate", allocate},   {"release", release},       {"addressOf", addressOf},
      {"info", info},           {"configure", configure}, {"kernels", kernels},       {"opcodes", opcodes},
      {"peak", peak},           {"bandwidth", bandwidth}, {"cacheBandwidth", cacheBandwidth},
  };
  for (const auto& entry : functions) {
    napi_value function;
    napi_create_function(env, entry.name, NAPI_AUTO_LENGTH, entry.function, nullptr, &function);
    napi_set_named_property(env, exports, entry.name, function);
  }
  setNumber(env, exports, "programVersion", PROGRAM_VERSION);
  return exports;
}
