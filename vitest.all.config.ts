import { configDefaults, defineConfig } from 'vitest/config'
import { LONG_IN_A_BROWSER } from './vitest.browser.config.ts'
import usual from './vitest.config.ts'

const { include = [], ...settings } = usual.test ?? {}

/** Files that leave nothing behind in their process, and are done sooner than a process of their own would have started. */
const TOGETHER = [
  'packages/{audit-log,authorizers,cli,content-cipher,contract,core,node-sdk}/test/**/*.test.ts',
  'tests/{keys,tools}/**/*.test.ts',
]

const exclude = [...configDefaults.exclude, ...TOGETHER, ...LONG_IN_A_BROWSER]

/** All that `npm test` runs. By hand, `npx vitest run <file>` gives each file a process of its own. */
export default defineConfig({
  test: {
    ...settings,
    projects: [
      { extends: true, test: { name: 'alone', include, exclude } },
      { extends: true, test: { name: 'together', include: TOGETHER, isolate: false } },
    ],
  },
})
