import { readFileSync } from 'node:fs'
import type { PolicyAction, Question } from '@lunadefend/core'
import fc from 'fast-check'
import { expect } from 'vitest'
import { evaluator } from '../../packages/authorizers/src/cedar/evaluate.ts'
import { PolicyProblems, parsePolicySet } from '../../packages/authorizers/src/cedar/policy-set.ts'
import { combine, isPolicyName, parseMask, parseVerdict } from '../../packages/authorizers/src/verdict.ts'
import { parseTestFile, TestFileWrong } from '../../packages/authorizers/src/workbench/test-file.ts'
import { question } from '../../packages/authorizers/test/policies.ts'
import { type Target, target } from './guard.ts'
import { hostileJson, hostileJsonText, hostileText } from './hostile.ts'

const EXAMPLES = ['last-four', 'owner', 'pace', 'working-hours']
const TYPES = 'type Metadata = { kind: String, size?: Long, tags?: Set<String>, more?: { a: Bool } };'
const sample = `
@id("kinds") permit (principal, action == Action::"detokenize", resource)
when { resource has metadata && resource.metadata.kind == "card" && context.hour > 8 };`
const set = parsePolicySet([
  { name: 'a.cedar', text: sample },
  { name: 'metadata.cedarschema', text: TYPES },
])
const evaluate = evaluator(set, 'UTC')

const test = {
  name: 'n',
  ask: {
    action: 'detokenize',
    actor: { kind: 'user', app: 'shop', subject: 'alice', roles: ['support'], session: 's' },
    token: { pseudonym: 'p', createdAt: '2026-03-02T10:30:00Z' },
    metadata: { kind: 'card' },
    context: { now: '2026-03-02T10:30:00+01:00', network: '192.0.2.0/24', purpose: null, full: false },
  },
  expect: 'mask last:4',
  policy: 'kinds',
}
const metadata = fc.record({
  kind: fc.string(),
  size: fc.integer(),
  tags: fc.array(fc.string(), { maxLength: 3 }),
  more: fc.record({ a: fc.boolean() }),
})
const verdict = fc.constantFrom(
  { kind: 'allow', policy: 'a' },
  { kind: 'deny', policy: null },
  { kind: 'mask', mask: { show: 'last', count: 4 }, policy: 'b' },
)
const action = fc.constantFrom<PolicyAction>('tokenize', 'detokenize', 'read-metadata', 'set-grant')

/**
 * Read from a file, UTF-8 has no lone surrogates. What is nested without end ends the thread that each version of the
 * policies has to itself (`cedar-thread.ts`): here it would end this one.
 */
const fileText = (text: string) =>
  hostileText(fc.constant(text), 4_096)
    .map((bent) => bent.toWellFormed())
    .filter(
      (bent) => bent.replaceAll(/[^([{<!-]/g, '').length < 60 && bent.split(/&&|\|\||if|has/).length < 60,
    )

/** Policies, what they are asked and what they answer. */
export const POLICIES: readonly Target[] = [
  target({
    reads: 'policies in Cedar',
    file: 'authorizers/cedar/policy-set.ts',
    cases: fileText(sample),
    check: (text) => {
      const { policies } = parsePolicySet([
        { name: 'a.cedar', text },
        { name: 'metadata.cedarschema', text: TYPES },
      ])
      for (const { id } of policies) expect(isPolicyName(id)).toBe(true)
    },
    refuses: (error) => error instanceof PolicyProblems,
    runs: 1_000,
  }),
  target({
    reads: 'declared types of metadata',
    file: 'authorizers/cedar/policy-set.ts',
    cases: fileText(TYPES),
    check: (text) =>
      parsePolicySet([
        { name: 'a.cedar', text: sample },
        { name: 'metadata.cedarschema', text },
      ]),
    refuses: (error) => error instanceof PolicyProblems,
    runs: 1_000,
  }),
  target({
    reads: 'metadata, for policies',
    file: 'authorizers/cedar/metadata-type.ts',
    cases: hostileJson(metadata),
    check: (value) => {
      const { kind } = evaluate(question({ metadata: value as Question['metadata'] }))
      expect(['allow', 'deny']).toContain(kind)
    },
    runs: 2_000,
  }),
  target({
    reads: 'tables of tests for policies',
    file: 'authorizers/workbench/test-file.ts',
    cases: fc.oneof(
      hostileJsonText(fc.constant({ timeZone: 'UTC', tests: [test] })),
      fc
        .constantFrom(...EXAMPLES)
        .map((name) => readFileSync(`packages/authorizers/examples/${name}/policies.test.json`, 'utf8')),
    ),
    check: (text) => {
      for (const { expect: wanted } of parseTestFile('it', text).cases) expect(typeof wanted).toBe('string')
    },
    refuses: (error) => error instanceof TestFileWrong,
  }),
  target({
    reads: 'masks',
    file: 'authorizers/verdict.ts',
    cases: hostileText(fc.integer({ min: 1, max: 64 }).map((count) => `last:${count}`)),
    check: (text) => {
      const mask = parseMask(text)
      if (mask !== null) expect(`${mask.show}:${mask.count}`).toBe(text)
    },
  }),
  target({
    reads: 'what an authorizer answers',
    file: 'authorizers/verdict.ts',
    cases: fc.tuple(hostileJson(verdict), hostileJson(verdict), action),
    check: ([one, other, asked]) => {
      const verdicts = [one, other].map((each) => parseVerdict(each, asked))
      const { kind } = combine(verdicts)
      if (verdicts.some((each) => each.kind === 'deny')) expect(kind).toBe('deny')
    },
    runs: 10_000,
  }),
]
