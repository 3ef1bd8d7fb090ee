import { describe, expect, test } from 'vitest'
import { folder, moduleOf, open, question } from './policies.ts'

/** What an authorizer does to a question whose purpose is `attack`, and what it is denied with. */
const ATTACKS: Readonly<Record<string, readonly [body: string, name: string, limits?: object]>> = {
  throws: ['throw new Error("no")', 'engine:threw'],
  'throws nothing at all': ['throw undefined', 'engine:threw'],
  'never ends': ['for (;;) {}', 'engine:timeout'],
  'never answers': ['return new Promise(() => undefined)', 'engine:timeout'],
  'answers late': ['await new Promise((done) => setTimeout(done, 5000)); return allow()', 'engine:timeout'],
  'computes for too long': [
    'const end = Date.now() + 900; while (Date.now() < end); return allow()',
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

/** Those that leave their thread as it was can share one. */
const isHarmless = ([, [body, name]]: (typeof ENTRIES)[number]) =>
  (name === 'engine:bad-answer' && !body.includes('prototype')) || name === 'engine:threw'
const ENTRIES = Object.entries(ATTACKS)
const ALLOWED = { kind: 'allow', policy: null }

test('answers that are none, and errors, are denials, and nobody else notices', async () => {
  const harmless = ENTRIES.filter(isHarmless)
  expect(harmless.length).toBeGreaterThan(8)
  const cases = harmless.map(([purpose, [body]]) => `if (context.purpose === '${purpose}') { ${body} }`)
  await using files = await folder({ 'a.ts': moduleOf(`${cases.join('\n')} return allow()`) })
  await using opened = await open({ typescript: files.at('a.ts') })
  for (const [purpose, [, name]] of harmless) {
    const asked = [
      opened.ask(question()),
      opened.ask(question({ context: { purpose } })),
      opened.ask(question()),
    ]
    const denied = { kind: 'deny', policy: name }
    expect([purpose, ...(await Promise.all(asked))]).toEqual([purpose, ALLOWED, denied, ALLOWED])
  }
  expect(opened.events).toEqual([])
})

describe.each(ENTRIES.filter((entry) => !isHarmless(entry)))(
  'an authorizer that %s',
  (_, [body, name, limits]) => {
    test('denies, the others go on, and it comes back', async () => {
      const text = moduleOf(`if (context.purpose === 'attack') { ${body} } return allow()`)
      await using files = await folder({ 'a.ts': text })
      await using opened = await open({ typescript: files.at('a.ts'), ...limits })
      const others = Array.from({ length: 20 }, () => opened.ask(question()))
      const denied = opened.ask(question({ context: { purpose: 'attack' } }))
      const more = Array.from({ length: 20 }, () => opened.ask(question()))
      expect(await denied).toEqual({ kind: 'deny', policy: name })
      const answers = await Promise.all([...others, ...more])
      // Who spoils the thread for itself may get denials from then on, and nothing but denials.
      if (body.includes('prototype')) return
      expect(answers.filter(({ kind } = { kind: 'deny', policy: null }) => kind !== 'allow')).toEqual([])
      expect(await opened.ask(question())).toEqual(ALLOWED)
    })
  },
)
