import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Bidi, connectBidi } from './bidi.ts'

/** A Firefox as a user has it, driven over WebDriver BiDi, which it speaks itself. */
export interface Firefox extends AsyncDisposable {
  /** @param script runs in every window and frame, before the scripts of the page */
  before(script: string): Promise<void>
  open(url: string): Promise<Frame>
}

/** A window, or a frame in it. */
export interface Frame {
  readonly url: string
  /** Runs in it; argument and result go as JSON. */
  run<A, R>(work: (argument: A) => R | Promise<R>, argument: A): Promise<R>
  run<R>(work: () => R | Promise<R>): Promise<R>
  frames(): Promise<Frame[]>
  /** The frame in the secure element with this id. */
  frameIn(id: string): Promise<Frame>
  /** Keys, one after the other, to what has the focus in it. */
  type(text: string): Promise<void>
  /** Keys together, held down in this order: `press(KEYS.shift, KEYS.tab)`. */
  press(...keys: readonly string[]): Promise<void>
  /** A click into the middle of the element, or the turning of a wheel over it. */
  click(selector: string): Promise<void>
  wheel(selector: string, deltaY: number): Promise<void>
  /** Files for an `<input type="file">`, by their paths, as a user picks them. */
  choose(selector: string, ...paths: readonly string[]): Promise<void>
  close(): Promise<void>
}

/** As WebDriver writes them ("Keyboard actions"). */
export const KEYS = {
  tab: '\uE004',
  enter: '\uE007',
  shift: '\uE008',
  control: '\uE009',
  end: '\uE010',
  home: '\uE011',
  down: '\uE015',
} as const

/** What a user has set; see `about:config`. */
export type Preferences = Readonly<Record<string, string | number | boolean>>

const QUIET: Preferences = {
  'browser.shell.checkDefaultBrowser': false,
  'browser.startup.page': 0,
  'datareporting.policy.dataSubmissionEnabled': false,
  'network.captive-portal-service.enabled': false,
  'network.connectivity-service.enabled': false,
}

export async function startFirefox(program: string, preferences: Preferences = {}): Promise<Firefox> {
  const profile = await mkdtemp(join(tmpdir(), 'firefox-'))
  const lines = Object.entries({ ...QUIET, ...preferences }).map(
    ([name, value]) => `user_pref(${JSON.stringify(name)}, ${JSON.stringify(value)});`,
  )
  await writeFile(join(profile, 'user.js'), lines.join('\n'))
  const child = spawn(
    program,
    ['--headless', '--no-remote', '--remote-debugging-port=0', '--profile', profile],
    {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { ...process.env, HOME: profile, MOZ_CRASHREPORTER_DISABLE: '1' },
    },
  )
  const end = async (): Promise<void> => {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill()
      await once(child, 'exit')
    }
    await rm(profile, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 })
  }
  try {
    const bidi = await connectBidi(`${await endpointOf(child)}/session`)
    return firefoxOver(bidi, end)
  } catch (error) {
    await end()
    throw error
  }
}

function firefoxOver(bidi: Bidi, end: () => Promise<void>): Firefox {
  return {
    async before(script) {
      await bidi.send('script.addPreloadScript', { functionDeclaration: `() => { ${script} }` })
    },
    async open(url) {
      const { context } = await bidi.send('browsingContext.create', { type: 'tab' })
      await bidi.send('browsingContext.navigate', { context, url, wait: 'complete' })
      return frameOver(bidi, context, url)
    },
    async [Symbol.asyncDispose]() {
      bidi.close()
      await end()
    },
  }
}

function frameOver(bidi: Bidi, context: string, url: string): Frame {
  async function nodeAt(selector: string): Promise<{ sharedId: string }> {
    const locator = { type: 'css', value: selector }
    const { nodes } = await bidi.send('browsingContext.locateNodes', { context, locator, maxNodeCount: 1 })
    if (nodes[0] === undefined) throw new Error(`There is no ${selector}.`)
    return { sharedId: nodes[0].sharedId }
  }
  const perform = (...actions: readonly object[]): Promise<void> =>
    bidi.send('input.performActions', { context, actions })
  const at = async (selector: string) => ({
    ...{ x: 0, y: 0 },
    origin: { type: 'element', element: await nodeAt(selector) },
  })

  return {
    url,
    async run(work: (argument: never) => unknown, argument?: unknown) {
      const wrapped = `async (given) => JSON.stringify((await (${work})(JSON.parse(given))) ?? null)`
      const answer = await bidi.send('script.callFunction', {
        functionDeclaration: wrapped,
        arguments: [{ type: 'string', value: JSON.stringify(argument ?? null) }],
        target: { context },
        awaitPromise: true,
      })
      if (answer['type'] === 'exception') throw new Error(JSON.stringify(answer['exceptionDetails']))
      return JSON.parse(answer['result'].value)
    },
    async frames() {
      const { contexts } = await bidi.send('browsingContext.getTree', { root: context })
      const children: { context: string; url: string }[] = contexts[0].children
      return children.map((child) => frameOver(bidi, child.context, child.url))
    },
    async frameIn(id) {
      const { result } = await bidi.send('script.callFunction', {
        functionDeclaration:
          '(id) => document.getElementById(id).shadowRoot.querySelector("iframe").contentWindow',
        arguments: [{ type: 'string', value: id }],
        target: { context },
        awaitPromise: false,
      })
      return frameOver(bidi, result.value.context, url)
    },
    async type(text) {
      const actions = Array.from(text).flatMap((value) => [
        { type: 'keyDown', value },
        { type: 'keyUp', value },
      ])
      await perform({ type: 'key', id: 'keyboard', actions })
    },
    async press(...keys) {
      const down = keys.map((value) => ({ type: 'keyDown', value }))
      const up = keys.toReversed().map((value) => ({ type: 'keyUp', value }))
      await perform({ type: 'key', id: 'keyboard', actions: [...down, ...up] })
    },
    async click(selector) {
      const actions = [
        { type: 'pointerMove', ...(await at(selector)) },
        { type: 'pointerDown', button: 0 },
        { type: 'pointerUp', button: 0 },
      ]
      await perform({ type: 'pointer', id: 'mouse', actions })
    },
    async wheel(selector, deltaY) {
      const actions = [{ type: 'scroll', deltaX: 0, deltaY, ...(await at(selector)) }]
      await perform({ type: 'wheel', id: 'wheel', actions })
    },
    async choose(selector, ...files) {
      await bidi.send('input.setFiles', { context, element: await nodeAt(selector), files })
    },
    async close() {
      await bidi.send('browsingContext.close', { context })
    },
  }
}

function endpointOf(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let said = ''
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      said += text
      const found = /WebDriver BiDi listening on (ws:\S+)/.exec(said)
      if (found?.[1] !== undefined) resolve(found[1])
    })
    child.once('exit', () => reject(new Error('Firefox ended before it listened.')))
    child.once('error', reject)
  })
}
