import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { folder, moduleOf, open, question } from './policies.ts'

/** What an authorizer does to a question whose purpose is `attack`, and what it is denied with. */
const ATTACKS: Readonly<Record<string, readonly [body: string, name: string, limits?: object]>> = {
  throws: ['throw new Error("no")', 'engine:threw'],
  'throws nothing at all': ['throw undefined', 'engine:threw'],
  'never ends': ['for (;;) {}', 'engine:timeout'],
  'never answers': ['return new Promise(() => undefined)', 'engine:timeout'],
  'answers late': ['await new Promise((done) => setTimeout(done, 400)); return allow()', 'engine:timeout'],
  'computes for too long': [
    'const end = Date.now() + 250; while (Date.now() < end); return allow()',
    'engine:timeout',
  ],
  'takes all memory': [
    'const hog = []; for (;;) hog.push(new Array(1e5).fill({}))',
    'engine:died',
    { memoryMb: 32, timeoutMs: 5000 },
  ],
  'ends its process': ['process.exit(0)', 'engine:died'],
  'changes arrays': [
    'Array.prototype.map = () => []; Array.prototype.push = () => 0; Array.prototype[Symbol.iterator] = null; Object.prototype.kind = "allow"; return {}',
    'engine:bad-answer',
  ],
  'answers nothing': ['return undefined', 'engine:bad-answer'],
  'answers yes': ['return true', 'engine:bad-answer'],
  'answers a function': ['return { kind: "allow", f: () => 1 }', 'engine:bad-answer'],
  'answers with a getter': ['return { get kind() { throw new Error() } }', 'engine:bad-answer'],
  'answers more than a verdict': [
    'return { kind: "allow", mask: { show: "last", count: 4 } }',
    'engine:bad-answer',
  ],
  'shows too much': ['return mask({ show: "last", count: 65 })', 'engine:bad-answer'],
  'shows nothing': ['return mask({ show: "last", count: 0 })', 'engine:bad-answer'],
  'has a bad reason': ['return deny("lunasec-1 alice@example.org")', 'engine:bad-answer'],
}

describe.each(Object.entries(ATTACKS))('an authorizer that %s', (_, [body, name, limits]) => {
  test('denies, the others go on, and it comes back', async () => {
    const text = moduleOf(`if (context.purpose === 'attack') { ${body} } return allow()`)
    await using files = await folder({ 'authorizer.ts': text })
    await using opened = await open({ typescript: files.at('authorizer.ts'), ...limits })
    const attack = question({ context: { purpose: 'attack' } })
    const others = Array.from({ length: 20 }, () => opened.ask(question()))
    const denied = opened.ask(attack)
    const more = Array.from({ length: 20 }, () => opened.ask(question()))
    expect(await denied).toEqual({ kind: 'deny', policy: name })
    const isSpoilt = name === 'engine:bad-answer' && body.includes('prototype')
    for (const verdict of await Promise.all([...others, ...more]))
      if (!isSpoilt) expect(verdict).toEqual({ kind: 'allow', policy: null })
    // It is there again.
    if (!isSpoilt) expect(await opened.ask(question())).toEqual({ kind: 'allow', policy: null })
    await sleep(0)
  })
})
