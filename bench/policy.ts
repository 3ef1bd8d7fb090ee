/**
 * Decisions of policies a second, with a few hundred calls under way: Cedar in its thread, a TypeScript authorizer in its
 * thread, one call a question and in batches of a hundred; each as a ratio to the same rule as a plain function call.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openAuthorizers } from '@lunadefend/authorizers'
import type { Question } from '@lunadefend/core'
import { question } from '../packages/authorizers/test/policies.ts'

const SECONDS = Number(process.argv[2] ?? 2)
const UNDER_WAY = 200

const RULE = 'actor.roles.includes("support") && context.hour >= 9 && context.hour < 17'
const CEDAR = `@id("support") permit(principal is User, action, resource) when { principal.roles.contains("support") };
@id("closed") forbid(principal, action, resource) unless { context.hour >= 9 && context.hour < 17 };`
const door = new URL('../packages/authorizers/src/define.ts', import.meta.url).href
const MODULE = `import { allow, defineAuthorizer, deny } from ${JSON.stringify(door)}
export default defineAuthorizer(({ actor, context }) => ${RULE} ? allow() : deny('closed'))`

/** Decisions a second. */
async function measure(decide: (questions: Question[]) => unknown, batch: number): Promise<number> {
  const questions = Array.from({ length: batch }, () => question({ principal: { roles: ['support'] } }))
  let decided = 0
  const end = performance.now() + SECONDS * 1000
  const worker = async () => {
    while (performance.now() < end) {
      await decide(questions)
      decided += batch
    }
  }
  const began = performance.now()
  await Promise.all(Array.from({ length: UNDER_WAY }, worker))
  return decided / ((performance.now() - began) / 1000)
}

const folder = mkdtempSync(join(tmpdir(), 'bench-policy-'))
writeFileSync(join(folder, 'a.cedar'), CEDAR)
writeFileSync(join(folder, 'a.ts'), MODULE)
const plain = await measure(
  (questions) =>
    questions.map(({ principal, context }) => {
      const hour = new Date(context.now).getUTCHours()
      return principal.roles.includes('support') && hour >= 9 && hour < 17
    }),
  1,
)
console.log(`plain function: ${Math.round(plain)} decisions a second`)
for (const [name, settings] of [
  ['Cedar', { cedar: join(folder, 'a.cedar') }],
  ['TypeScript', { typescript: join(folder, 'a.ts') }],
] as const) {
  await using authorizers = await openAuthorizers({ ...settings, patienceMs: 60_000 }, () => undefined)
  for (const batch of [1, 100]) {
    const rate = await measure((questions) => authorizers.decide(questions), batch)
    console.log(
      `${name}, ${batch} a call: ${Math.round(rate)} decisions a second, ratio ${(rate / plain).toFixed(4)}`,
    )
  }
}
rmSync(folder, { recursive: true })
