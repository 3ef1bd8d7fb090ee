import { fileURLToPath } from 'node:url'
import { COMPONENTS } from '@lunadefend/contract/frame-messages'
import { build, type Plugin } from 'esbuild'

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
    return [component, outputFiles[0]?.text ?? ''] as const
  }),
)
process.stdout.write(JSON.stringify(Object.fromEntries(scripts)))
