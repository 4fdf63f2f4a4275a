// What is public, read with TypeScript's own reader: names, signatures, options, docstrings.
import { readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { SyntaxKind } from "typescript/unstable/ast";
import { API, NodeBuilderFlags, SignatureKind, SymbolFlags } from "typescript/unstable/sync";
import { root } from "../compilation.mjs";

/**
 * All that `src/index.ts` exports and that exists at run time. An entry: `name` as a user writes it (`layers.dense`),
 * `module` (the namespace, or ""), `file` below src/, `kind`, `signatures`, `doc`, `tags`, and the properties of its
 * `options`, its `results` and, of a class, its `members`.
 */
export function readPublic() {
  const api = new API({ cwd: root });
  try {
    const [project] = api.updateSnapshot({ openProject: join(root, "tsconfig.build.json") }).getProjects();
    const reader = new Reader(project);
    const index = project.program.getSourceFile(join(root, "src", "index.ts"));
    return reader.module("", project.checker.getSymbolAtLocation(index));
  } finally {
    api.close();
  }
}

class Reader {
  constructor(project) {
    this.checker = project.checker;
    this.emitter = project.emitter;
  }

  module(name, symbol) {
    const entries = [];
    for (const exported of this.checker.getExportsOfModule(symbol)) {
      const target = exported.flags & SymbolFlags.Alias ? this.checker.getAliasedSymbol(exported) : exported;
      if (target.flags & SymbolFlags.ValueModule) entries.push(...this.module(exported.name, target));
      else if (target.flags & SymbolFlags.Value) entries.push(this.entry(name, exported.name, target));
    }
    return entries;
  }

  entry(module, name, symbol) {
    const type = this.checker.getTypeOfSymbol(symbol);
    const calls = this.checker.getSignaturesOfType(type, SignatureKind.Call);
    const isClass = (symbol.flags & SymbolFlags.Class) !== 0;
    return {
      name: module === "" ? name : `${module}.${name}`,
      module,
      file: relative(join(root, "src"), fileOf(symbol)),
      kind: isClass ? "class" : calls.length > 0 ? "function" : "value",
      signatures: calls.map((signature) => this.signature(signature)),
      ...this.documentation(symbol),
      options: calls.length > 0 ? this.options(calls[0]) : [],
      results: calls.length > 0 ? this.results(calls[0]) : [],
      members: isClass ? this.members(symbol) : [],
    };
  }

  documentation(symbol) {
    return {
      doc: symbol.getDocumentationComment(this.checker).trim(),
      tags: symbol.getJsDocTags(this.checker).map(({ name, text }) => ({ name, text: text ?? "" })),
    };
  }

  signature(signature) {
    const node = this.checker.signatureToSignatureDeclaration(
      signature,
      SyntaxKind.MethodSignature,
      undefined,
      NodeBuilderFlags.NoTruncation,
    );
    return shortened(this.emitter.printNode(node).replace(/;$/, "")).replace(
      /(\?: [^,)]*?) \| undefined/g,
      "$1",
    );
  }

  /** The properties of parameters whose type is named `…Options`. */
  options(signature) {
    return signature.getParameters().flatMap((parameter) => {
      const type = this.checker.getNonNullableType(this.checker.getTypeOfSymbol(parameter));
      if (!type?.getSymbol?.()?.name.endsWith("Options")) return [];
      return this.properties(type);
    });
  }

  /** The properties of a result that is a record of the package, or a promise of one. */
  results(signature) {
    let type = this.checker.getReturnTypeOfSignature(signature);
    if (type?.getSymbol?.()?.name === "Promise") type = this.checker.getTypeArguments(type)[0];
    const symbol = type?.getSymbol?.();
    if (!symbol || !(symbol.flags & SymbolFlags.Interface) || symbol.flags & SymbolFlags.Class) return [];
    if (!fileOf(symbol).startsWith(join(root, "src"))) return [];
    return this.properties(type);
  }

  properties(type) {
    return this.checker.getPropertiesOfType(type).map((property) => ({
      name: property.name,
      type: shortened(
        this.checker
          .typeToString(this.checker.getTypeOfSymbol(property), undefined, NodeBuilderFlags.NoTruncation)
          .replace(/ \| undefined$/, ""),
      ),
      ...this.documentation(property),
    }));
  }

  /** What a class offers itself, in the order of its source. */
  members(symbol) {
    return [...symbol.getMembers().values()]
      .filter(({ name }) => !name.startsWith("_") && name !== "constructor")
      .filter((member) => member.declarations.length > 0 && isOpen(member))
      .map((member) => {
        const calls = this.checker.getSignaturesOfType(
          this.checker.getTypeOfSymbol(member),
          SignatureKind.Call,
        );
        const isMethod = (member.flags & SymbolFlags.Method) !== 0;
        return {
          name: member.name,
          signatures: isMethod ? calls.map((signature) => this.signature(signature)) : [],
          ...this.documentation(member),
        };
      })
      .filter(({ doc }) => doc !== "" && !/Engine only\./.test(doc));
  }
}

/** A type in one line, without the arguments that are the default. */
const shortened = (type) =>
  type
    .replace(/\s*\n\s*/g, " ")
    .replaceAll("Tensor<DType>", "Tensor")
    .replaceAll("Uint8Array<ArrayBufferLike>", "Uint8Array");

const fileOf = (symbol) => symbol.declarations[0].path;

const texts = new Map();
function isOpen(member) {
  const node = member.declarations[0].resolve();
  const path = fileOf(member);
  if (!texts.has(path)) texts.set(path, readFileSync(path, "utf8"));
  const head = texts
    .get(path)
    .slice(node.pos, node.end)
    .replace(/\/\*[\s\S]*?\*\//g, "")
    .trim();
  return !/^(?:(?:override|static|readonly) )*(?:private|protected|#|\[)/.test(head);
}
