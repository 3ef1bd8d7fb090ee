import type { Node } from 'oxc-parser'

const GLOBAL_OBJECTS = ['globalThis', 'window', 'self', 'global']

/**
 * What a reference spells: `process.env` for `process.env`, `process['env']` and `globalThis.process?.env`. A part that
 * cannot be known is `?`.
 */
export function dotted(node: Node): string {
  if (node.type === 'Identifier') return node.name
  if (node.type === 'MetaProperty') return `${node.meta.name}.${node.property.name}`
  if (node.type === 'ChainExpression' || node.type === 'ParenthesizedExpression')
    return dotted(node.expression)
  if (node.type !== 'MemberExpression') return '?'
  const property = node.computed ? (literal(node.property) ?? '?') : dotted(node.property)
  const object = dotted(node.object)
  return GLOBAL_OBJECTS.includes(object) ? property : `${object}.${property}`
}

/** The text of a string that is written out; `null` where it is computed. */
export function literal(node: Node | undefined): string | null {
  if (node?.type === 'Literal') return typeof node.value === 'string' ? node.value : null
  if (node?.type !== 'TemplateLiteral' || node.expressions.length > 0) return null
  return node.quasis[0]?.value.cooked ?? null
}

/** True for an identifier that only labels a property or a member, and so refers to nothing. */
export function isLabel(node: Node, parent: Node | null): boolean {
  if (parent === null) return false
  if (parent.type === 'MemberExpression') return parent.property === node && !parent.computed
  if (parent.type === 'TSQualifiedName') return parent.right === node
  return 'key' in parent && parent.key === node && !('computed' in parent && parent.computed)
}

/** True for an identifier that names something new: a parameter or a variable. */
export function isBinding(node: Node, parent: Node): boolean {
  if (parent.type === 'VariableDeclarator') return parent.id === node
  if (parent.type === 'AssignmentPattern') return parent.left === node
  if (parent.type === 'ArrayPattern' || parent.type === 'RestElement') return true
  return 'params' in parent && Array.isArray(parent.params) && parent.params.some((param) => param === node)
}
