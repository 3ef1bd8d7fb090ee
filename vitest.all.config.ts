import { configDefaults, defineConfig } from 'vitest/config'
import usual from './vitest.config.ts'

const { include = [], ...settings } = usual.test ?? {}

/** Files that leave nothing behind in their process, and are done sooner than a process of their own would have started. */
const TOGETHER = [
  'packages/{audit-log,authorizers,cli,content-cipher,contract,core,node-sdk}/test/**/*.test.ts',
  'tests/{keys,tools}/**/*.test.ts',
]

/** All that `npm test` runs. By hand, `npx vitest run <file>` gives each file a process of its own. */
export default defineConfig({
  test: {
    ...settings,
    projects: [
      { extends: true, test: { name: 'alone', include, exclude: [...configDefaults.exclude, ...TOGETHER] } },
      { extends: true, test: { name: 'together', include: TOGETHER, isolate: false } },
    ],
  },
})
