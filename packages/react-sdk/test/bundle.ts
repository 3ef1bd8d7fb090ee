import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { buildSync } from 'esbuild'
import { bundleOf } from '../../browser/test/stage.ts'
import type * as ServerRender from './server-render.ts'

export type ReactVersion = 18 | 19

/** The test applications for the browser, with one of the React versions that are supported. */
export function appBundle(version: ReactVersion): string {
  return bundleOf(new URL('app.tsx', import.meta.url), 'sdk', aliases(version))
}

/** `server-render.ts` as a server without a DOM runs it. */
export function loadServerRender(version: ReactVersion): typeof ServerRender {
  const { outputFiles } = buildSync({
    entryPoints: [fileURLToPath(new URL('server-render.ts', import.meta.url))],
    bundle: true,
    write: false,
    platform: 'node',
    format: 'cjs',
    alias: aliases(version),
  })
  const module = { exports: {} }
  const run = new Function('module', 'exports', 'require', outputFiles[0]?.text ?? '')
  run(module, module.exports, createRequire(import.meta.url))
  return module.exports as typeof ServerRender
}

/** Every import of React leads to the version that is asked for. */
function aliases(version: ReactVersion): Record<string, string> {
  if (version === 19) return {}
  return {
    react: packageOf(import.meta.resolve('react-18')),
    'react-dom': packageOf(import.meta.resolve('react-dom-18')),
  }
}

function packageOf(entry: string): string {
  return fileURLToPath(new URL('.', entry))
}
