import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { build, type Plugin } from 'esbuild'
import { compile } from 'svelte/compiler'

const svelteFiles: Plugin = {
  name: 'svelte-files',
  setup({ onLoad }) {
    onLoad({ filter: /\.svelte$/ }, async ({ path: filename }) => {
      const { js, warnings } = compile(await readFile(filename, 'utf8'), { filename, generate: 'client' })
      return { contents: js.code, warnings: warnings.map(({ message }) => ({ text: message })) }
    })
  },
}

export async function bundleOfPage() {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL('page.ts', import.meta.url))],
    bundle: true,
    write: false,
    format: 'esm',
    conditions: ['browser', 'svelte'],
    plugins: [svelteFiles],
    define: { 'process.env.NODE_ENV': '"production"' },
  })
  return outputFiles[0]?.text
}
