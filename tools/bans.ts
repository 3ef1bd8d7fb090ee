import type { Node } from 'oxc-parser'
import { dotted, isBinding, isLabel, literal } from './syntax.ts'

/** Something of the language or of the platform that some rooms do without. */
export type Ban = 'async' | 'clock' | 'chance' | 'environment' | 'window messages'

/** What a reference spells (see `dotted`) when it stands for the banned thing, as a value or as a type. */
const REFERENCES = {
  async: /^Promise$/,
  clock:
    /^(?:Date|Date\.(?:now|\?)|Temporal|performance|process\.hrtime|process\.uptime|set(?:Timeout|Interval|Immediate))$/,
  chance: /^(?:crypto|Math\.random)$/,
  environment: /^(?:process\.(?:env|loadEnvFile|\?)|import\.meta\.env)$/,
  'window messages': /(?:^|\.)(?:postMessage|onmessage)$|^(?:MessageChannel|MessagePort|BroadcastChannel)$/,
} satisfies Record<Ban, RegExp>

const BANS = Object.keys(REFERENCES) as Ban[]

/** The banned thing that this node uses, and how it is spelled. */
export function banOf(node: Node, parent: Node | null): { ban: Ban; what: string } | null {
  const shape = shapeOf(node, parent)
  if (shape !== null) return shape
  if (node.type !== 'Identifier' && node.type !== 'MemberExpression') return null
  if (isLabel(node, parent)) return null
  const what = dotted(node)
  if (what === 'Date' && convertsTime(node, parent)) return null
  const ban = BANS.find((each) => REFERENCES[each].test(what))
  return ban === undefined ? null : { ban, what }
}

/** `new Date(seconds * 1000)`, `Date.UTC(…)` and the type `Date` read no clock; `Date.now` is seen as a member. */
function convertsTime(node: Node, parent: Node | null): boolean {
  if (parent?.type === 'NewExpression') return parent.callee === node && parent.arguments.length > 0
  return parent?.type === 'MemberExpression' || parent?.type === 'TSTypeReference'
}

/** Uses that no name gives away. */
function shapeOf(node: Node, parent: Node | null): { ban: Ban; what: string } | null {
  if ('async' in node && node.async === true) return { ban: 'async', what: 'async' }
  if (node.type === 'AwaitExpression') return { ban: 'async', what: 'await' }
  if (node.type === 'ForOfStatement' && node.await) return { ban: 'async', what: 'for await' }
  if (node.type === 'ImportDeclaration' && /^(?:node:)?process$/.test(node.source.value))
    return { ban: 'environment', what: node.source.value }
  if (passesProcessOn(node, parent)) return { ban: 'environment', what: 'process as a whole' }
  if (listensForMessages(node)) return { ban: 'window messages', what: "addEventListener('message')" }
  return null
}

/** `const { env } = process` and the like: whoever holds `process` holds the environment. */
function passesProcessOn(node: Node, parent: Node | null): boolean {
  if (dotted(node) !== 'process' || parent === null) return false
  if (isLabel(node, parent) || isBinding(node, parent)) return false
  return !(parent.type === 'MemberExpression' && parent.object === node)
}

function listensForMessages(node: Node): boolean {
  if (node.type !== 'CallExpression' || !/(?:^|\.)addEventListener$/.test(dotted(node.callee))) return false
  return ['message', 'messageerror'].includes(literal(node.arguments[0]) ?? '')
}
