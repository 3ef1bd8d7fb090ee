import { readFileSync } from 'node:fs'
import {
  type DetailedError,
  type PolicyJson,
  policySetTextToParts,
  policyToJson,
  type SchemaJson,
  schemaToJson,
  schemaToJsonWithResolvedTypes,
  validate,
} from '@cedar-policy/cedar-wasm/nodejs'
import type { Mask } from '@lunadefend/core'
import { isPolicyName, parseMask } from '../verdict.ts'
import { type Convert, metadataConverter, UnusableType } from './metadata-type.ts'
import { METADATA_FILE, type PolicyFile } from './policy-files.ts'

/** One policy, as its author wrote it. */
export interface Policy {
  readonly id: string
  readonly text: string
  readonly json: PolicyJson
  /** What a permit shows; `null` = everything. */
  readonly mask: Mask | null
}

/** Policies that have been read and checked. */
export interface PolicySet {
  readonly policies: readonly Policy[]
  readonly readsMetadata: boolean
  readonly metadata: Convert
  /** What Cedar wonders about: a policy that can never apply, say. */
  readonly warnings: readonly string[]
}

/** What is wrong with a set of policies: the file, the line, what to do. */
export class PolicyProblems extends Error {
  readonly problems: readonly string[]
  constructor(problems: readonly string[]) {
    super(problems.join('; '))
    this.name = 'PolicyProblems'
    this.problems = problems
  }
}

const SCHEMA = readFileSync(new URL('../../schema/lunadefend.cedarschema', import.meta.url), 'utf8')

/** Reads and checks a whole set, strictly against the schema. Throws PolicyProblems. */
export function parsePolicySet(files: readonly PolicyFile[]): PolicySet {
  const schema = schemaWith(files.find(({ name }) => name === METADATA_FILE))
  const { metadata } = schema
  const policies = files.filter(({ name }) => name !== METADATA_FILE).flatMap(policiesOf)
  if (policies.length === 0)
    throw new PolicyProblems(['there is no policy: everything would be denied. Write one, or configure none'])
  refuseTwins(policies)
  const warnings = checkTypes(policies, schema.text)
  return {
    policies,
    metadata,
    warnings,
    readsMetadata: policies.some(({ json }) => mentions(json, 'metadata')),
  }
}

/** The published schema, and what the author declares of metadata: types alone. */
function schemaWith(own: PolicyFile | undefined): { text: string; metadata: Convert } {
  const declared = own?.text ?? 'type Metadata = {};'
  const alone = schemaToJson(declared)
  if (alone.type === 'failure')
    throw new PolicyProblems(alone.errors.map((error) => `${METADATA_FILE}: ${said(error, declared)}`))
  refuseMoreThanTypes(alone.json)
  const text = `${SCHEMA}\n${declared}`
  const whole = schemaToJsonWithResolvedTypes(text)
  if (whole.type === 'failure')
    throw new PolicyProblems(whole.errors.map(({ message }) => `${METADATA_FILE}: ${message}`))
  return { text, metadata: converter(whole.json) }
}

function refuseMoreThanTypes(schema: SchemaJson<string>): void {
  const types = schema[''] ?? { entityTypes: {}, actions: {}, commonTypes: {} }
  const isMore =
    Object.keys(schema).some((namespace) => namespace !== '') ||
    Object.keys(types.entityTypes).length > 0 ||
    Object.keys(types.actions).length > 0
  if (isMore || !Object.hasOwn(types.commonTypes ?? {}, 'Metadata'))
    throw new PolicyProblems([
      `${METADATA_FILE}: it declares "type Metadata = { … };", and other types at most`,
    ])
}

function converter(schema: SchemaJson<string>): Convert {
  try {
    return metadataConverter(schema)
  } catch (error) {
    if (error instanceof UnusableType) throw new PolicyProblems([`${METADATA_FILE}: ${error.message}`])
    throw error
  }
}

function policiesOf({ name, text }: PolicyFile): Policy[] {
  const parts = policySetTextToParts(text)
  if (parts.type === 'failure')
    throw new PolicyProblems(parts.errors.map((error) => `${name}: ${said(error, text)}`))
  if (parts.policy_templates.length > 0)
    throw new PolicyProblems([`${name}: templates (?principal, ?resource) are not used here`])
  return parts.policies.map((policy) => policyOf(name, policy))
}

/** The only annotations: a mask that is misspelt must not become a full permit. */
const ANNOTATIONS = ['id', 'mask', 'description']

function policyOf(file: string, text: string): Policy {
  const parsed = policyToJson(text)
  if (parsed.type === 'failure')
    throw new PolicyProblems(parsed.errors.map((error) => `${file}: ${said(error, text)}`))
  const { json } = parsed
  const { id, mask, ...others } = json.annotations ?? {}
  const refuse = (problem: string): never => {
    throw new PolicyProblems([`${file}: ${id ?? text.slice(0, 60)}: ${problem}`])
  }
  if (id === undefined || !isPolicyName(id))
    return refuse('give each policy a name, @id("…"), of 1 to 64 characters: A-Z a-z 0-9 . _ -')
  const strange = Object.keys(others).find((key) => !ANNOTATIONS.includes(key))
  if (strange !== undefined) return refuse(`@${strange} is unknown: there are @id, @mask and @description`)
  return { id, text, json, mask: mask === undefined ? null : maskOf(mask, json, refuse) }
}

function maskOf(text: string, { effect, action }: PolicyJson, refuse: (problem: string) => never): Mask {
  const mask = parseMask(text)
  const isReading = action.op === '==' && JSON.stringify(action).includes('"id":"detokenize"')
  if (mask === null) return refuse('a mask is "first:N" or "last:N", N from 1 to 64')
  if (effect !== 'permit') return refuse('only a permit can show a part: a forbid shows nothing')
  if (!isReading) return refuse('a mask needs action == Action::"detokenize": nothing else shows a value')
  return mask
}

function refuseTwins(policies: readonly Policy[]): void {
  const ids = policies.map(({ id }) => id)
  const twin = ids.find((id, index) => ids.indexOf(id) !== index)
  if (twin !== undefined) throw new PolicyProblems([`two policies are called ${twin}: give each its own @id`])
}

/** Answers the warnings. */
function checkTypes(policies: readonly Policy[], schema: string): string[] {
  const answer = validate({ schema, policies: { staticPolicies: textsOf(policies) } })
  if (answer.type === 'failure') throw new PolicyProblems(answer.errors.map(({ message }) => message))
  const text = (id: string) => policies.find((policy) => policy.id === id)?.text ?? ''
  const says = ({ policyId, error }: { policyId: string; error: DetailedError }) =>
    `${policyId}: ${said(error, text(policyId))}`
  if (answer.validationErrors.length > 0) throw new PolicyProblems(answer.validationErrors.map(says))
  return answer.validationWarnings.map(says)
}

export function textsOf(policies: readonly Policy[]): Record<string, string> {
  return Object.fromEntries(policies.map(({ id, text }) => [id, text]))
}

/** In one line, with the line of the text that it is about. */
function said({ message, help, sourceLocations }: DetailedError, text: string): string {
  const [place] = sourceLocations ?? []
  const line = place === undefined ? '' : `line ${text.slice(0, place.start).split('\n').length}: `
  return `${line}${message.replaceAll('\n', ' ')}${help === null ? '' : ` (${help.replaceAll('\n', ' ')})`}`
}

/** Whether a policy names this attribute, of whatever: errs on the side of reading too much. */
export function mentions({ conditions }: PolicyJson, attribute: string): boolean {
  return JSON.stringify(conditions).includes(JSON.stringify(attribute))
}
