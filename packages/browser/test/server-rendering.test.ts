import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { build, type Plugin } from 'esbuild'
import { compile } from 'svelte/compiler'
import { describe, expect, test } from 'vitest'
import { compileScript, parse } from 'vue/compiler-sfc'
import { startStage, until } from './stage.ts'

/** What a bundler of an app does for its server and for the browser, with warnings of the framework switched on. */
type Side = 'server' | 'client'

const EXAMPLES = new URL('../../../docs/examples/', import.meta.url)

function sources(side: Side): Plugin {
  return {
    name: 'sources',
    setup({ onLoad }) {
      onLoad({ filter: /\.vue$/ }, async ({ path }) => ({
        contents: await vueSource(path, side),
        loader: 'ts',
      }))
      onLoad({ filter: /\.svelte$/ }, async ({ path: filename }) => {
        const { js } = compile(await readFile(filename, 'utf8'), { filename, generate: side, dev: true })
        return { contents: js.code }
      })
    },
  }
}

async function vueSource(filename: string, side: Side): Promise<string> {
  const compilerOptions = { isCustomElement: (tag: string) => tag.startsWith('secure-') }
  const { descriptor } = parse(await readFile(filename, 'utf8'), {
    filename,
    templateParseOptions: compilerOptions,
  })
  const templateOptions = { ssr: side === 'server', ssrCssVars: [], compilerOptions }
  return compileScript(descriptor, { id: filename, inlineTemplate: true, templateOptions }).content
}

async function bundled(contents: string, side: Side): Promise<string> {
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: fileURLToPath(EXAMPLES), loader: 'ts' },
    bundle: true,
    write: false,
    ...(side === 'client'
      ? { format: 'iife' as const, globalName: 'sdk', conditions: ['browser', 'svelte'] }
      : { format: 'cjs' as const, platform: 'node' as const, conditions: ['svelte'] }),
    plugins: [sources(side)],
    define: {
      'process.env.NODE_ENV': '"development"',
      __VUE_OPTIONS_API__: 'false',
      __VUE_PROD_DEVTOOLS__: 'false',
      __VUE_PROD_HYDRATION_MISMATCH_DETAILS__: 'true',
    },
  })
  return outputFiles[0]?.text ?? ''
}

/** What the app's server sends for this token. */
async function render(contents: string, token: string): Promise<string> {
  const module = { exports: {} as { render?: (props: object) => Promise<string> } }
  const run = new Function('module', 'exports', 'require', await bundled(contents, 'server'))
  run(module, module.exports, createRequire(import.meta.url))
  return (await module.exports.render?.({ token })) ?? ''
}

/** In Vue's compiler for servers `v-model` is for elements of HTML; render functions take it for any. */
const VUE_MODEL = `import { h, ref, vModelText, withDirectives } from 'vue'
  const Page = { props: ['token'], setup({ token }) {
    const ssn = ref(token)
    const model = () => ({ type: 'text', id: 'ssn', 'onUpdate:modelValue': (value) => { ssn.value = value } })
    return () => h('div', [
      withDirectives(h('secure-input', model()), [[vModelText, ssn.value, '', { lazy: true }]]),
      h('secure-paragraph', { id: 'stored', token: ssn.value }),
    ])
  } }`
const VUE_PAGE = `import Page from './vue/server-page.vue'`
const vue = (page: string) => ({
  server: `${page}
    import { createSSRApp } from 'vue'
    import { renderToString } from 'vue/server-renderer'
    export const render = (props) => renderToString(createSSRApp(Page, props))`,
  client: `${page}
    import { createSSRApp } from 'vue'
    export const hydrate = (props) => { createSSRApp(Page, props).mount('#root') }`,
})
const PAGES = {
  Vue: vue(VUE_PAGE),
  'Vue, with v-model of a render function': vue(VUE_MODEL),
  Svelte: {
    server: `import Page from './svelte/page.svelte'
      import { render as renderPage } from 'svelte/server'
      export const render = (props) => renderPage(Page, { props }).body`,
    client: `import Page from './svelte/page.svelte'
      import { hydrate as hydratePage } from 'svelte'
      export const hydrate = (props) => { hydratePage(Page, { target: document.querySelector('#root'), props }) }`,
  },
}

describe.each(Object.entries(PAGES))('%s', (_name, { server, client }) => {
  test('what a server rendered is taken over without a warning, and nothing typed before is lost', async () => {
    const doors = `export { configure, defineElements } from '@lunadefend/browser'\n`
    await using stage = await startStage(await bundled(doors + client, 'client'))
    const token = stage.tokenizer.store('stored')
    const html = await render(server, token)
    expect(html).toMatch(/<secure-input [^>]*id="ssn"/)
    expect(html).toMatch(/<secure-paragraph [^>]*token="lunasec-[^>]*><\/secure-paragraph>/)
    const { page, frame, consoleErrors } = await stage.open(`<div id="root">${html}</div>`)
    const typed = (await frame('#ssn')).locator('input')
    await until(() => typed.inputValue()).toBe('stored')
    await typed.fill('early')
    await page.evaluate((props) => Reflect.get(Reflect.get(window, 'sdk'), 'hydrate')(props), { token })
    const made = await page.locator('#ssn').evaluate((field) => Reflect.get(field, 'tokenize').call(field))
    expect(stage.tokenizer.values.get(made)).toBe('early')
    await page.route('**/ssn', (route) => route.fulfill({ status: 200 }))
    await page.locator('form').evaluateAll(([form]) => (form as HTMLFormElement | undefined)?.requestSubmit())
    await page.locator(`#stored[token="${made}"]`).waitFor()
    expect(consoleErrors).toEqual([])
  })
})
