import { fileURLToPath } from 'node:url'
import { COMPONENTS } from '@lunadefend/contract/frame-messages'
import { renderFramePage } from '@lunadefend/secure-frame/assets'
import { build, type Plugin } from 'esbuild'
import { STORE_ORIGIN } from './vault.ts'

/** The session of a double: `double` is handed to the script that runs the bundle. Failures come as codes. */
const SESSION = `
import { FrameError } from './failure.ts'
export function keepSession(needs) {
  const session = double.session(needs)
  return {
    begin: async () => {},
    logout: async () => session.logout(),
    async call(path, body) {
      const answer = await session.call(path, body)
      if (typeof answer === 'string') throw new FrameError(answer)
      return { data: answer, sessionHash: null, clockOffset: 0 }
    },
  }
}`

const doubledSession: Plugin = {
  name: 'doubled-session',
  setup({ onLoad }) {
    onLoad({ filter: /[/\\]frame[/\\]session\.ts$/ }, () => ({ contents: SESSION, loader: 'ts' }))
  },
}

const entry = (component: string): string =>
  fileURLToPath(new URL(`../../../secure-frame/src/frame/${component}.ts`, import.meta.url))

type FramePageOptions = Parameters<typeof renderFramePage>[0]

const NOWHERE = { path: '/', integrity: '' }

/** What the Tokenizer writes into the page of this component, for an app of the origin that the page puts in its place. */
function configurationOf(component: FramePageOptions['component']): string {
  const files = { script: NOWHERE, style: NOWHERE }
  const components = Object.fromEntries(COMPONENTS.map((each) => [each, files]))
  const html = renderFramePage({
    assets: { files: new Map(), components } as unknown as FramePageOptions['assets'],
    component,
    app: 'app',
    origins: ['https://app.invalid'],
    objectStoreOrigin: STORE_ORIGIN,
    nonce: 'A'.repeat(22),
  })
  const [, content = ''] = /name="lunadefend" content="([^"]*)"/.exec(html) ?? []
  return content
    .replaceAll('&quot;', '"')
    .replaceAll('&#39;', "'")
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&amp;', '&')
}

/** Run in a process of its own, because esbuild does not work within jsdom: the scripts of the frames, as JSON. */
const scripts = await Promise.all(
  COMPONENTS.map(async (component) => {
    const { outputFiles } = await build({
      entryPoints: [entry(component)],
      bundle: true,
      write: false,
      format: 'iife',
      target: 'es2022',
      plugins: [doubledSession],
      tsconfigRaw: {},
    })
    const script = outputFiles[0]?.text ?? ''
    return [component, { script, configuration: configurationOf(component) }] as const
  }),
)
process.stdout.write(JSON.stringify(Object.fromEntries(scripts)))
