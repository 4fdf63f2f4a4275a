/** The key of the method that Node's `console.log` and `util.inspect` call; elsewhere nobody does. */
export const inspect: unique symbol = Symbol.for("nodejs.util.inspect.custom");
