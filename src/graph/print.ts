import { type Body, dependencies, formatType, type Tensor } from "./tensor.js";
import { topologicalOrder } from "./walk.js";

/** A graph as text, one node a line: `%3 = matmul(%1, %2) : float32 [32, 128]`. */
export function printGraph(roots: readonly Tensor[]): string {
  const order = topologicalOrder(roots);
  const number = new Map(order.map((node, i) => [node, i]));
  const lines = order.map((node, i) => {
    const inputs = node.inputs.map((input) => `%${number.get(input)}`).join(", ");
    const attributes = Object.entries(node.attributes)
      .filter(([name]) => name !== "bodyKey")
      .map(([name, value]) => `${name}=${JSON.stringify(value)}`)
      .join(" ");
    const value = node.payload.scalar !== undefined ? ` ${node.payload.scalar}` : "";
    const types = node.outputs
      .map((output) => formatType(output) + (output.extent ? ` (axis ${output.extent.axis} dynamic)` : ""))
      .join(", ");
    return `%${i} = ${node.primitive.name}(${inputs})${attributes ? ` {${attributes}}` : ""}${value} : ${types}`;
  });
  return [...lines, `return ${roots.map((root) => `%${number.get(root)}`).join(", ")}`].join("\n");
}

/** A text that is equal for bodies of equal structure: signatures and edges in order, with the values of numbers. */
export function graphKey(body: Body): string {
  const order = topologicalOrder([...body.parameters, ...body.results]);
  const number = new Map(order.map((node, i) => [node, i]));
  const lines = order.map((node) => {
    const { scalar, constant } = node.payload;
    const literal = Object.is(scalar, -0) ? "-0" : scalar;
    const value = literal ?? (constant ? `c${node.id}` : "");
    return `${node.signature}(${dependencies(node)
      .map((input) => number.get(input))
      .join(",")})${value}`;
  });
  return `${lines.join(";")}→${body.results.map((result) => number.get(result)).join(",")}`;
}
