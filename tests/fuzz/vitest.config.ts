import { defineConfig } from 'vitest/config'
import base from '../../vitest.config.ts'

/** What takes hundreds of thousands of cases: `npm run test:fuzz`. */
export default defineConfig({
  test: { ...base.test, include: ['tests/fuzz/**/*.fuzz.ts'], maxWorkers: 2, testTimeout: 240_000 },
})
