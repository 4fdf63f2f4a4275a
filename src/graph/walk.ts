import { dependencies, type Tensor } from "./tensor.js";

/**
 * All nodes the roots depend on, inputs before users. Iterative, so that a graph of any depth can be walked.
 *
 * @param isLeaf nodes whose inputs are not entered (a realized tensor needs no recomputation)
 */
export function topologicalOrder(
  roots: readonly Tensor[],
  isLeaf: (node: Tensor) => boolean = () => false,
): Tensor[] {
  const order: Tensor[] = [];
  const state = new Set<Tensor>();
  const stack: { node: Tensor; needs: readonly Tensor[]; next: number }[] = [];
  const enter = (node: Tensor) => {
    if (state.has(node)) return;
    state.add(node);
    stack.push({ node, needs: isLeaf(node) ? [] : dependencies(node), next: 0 });
  };
  for (const root of roots) {
    enter(root);
    while (stack.length > 0) {
      const top = stack[stack.length - 1]!;
      if (top.next < top.needs.length) {
        enter(top.needs[top.next++]!);
      } else {
        stack.pop();
        order.push(top.node);
      }
    }
  }
  return order;
}
