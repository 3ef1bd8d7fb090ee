import { defineConfig } from 'vitest/config'
import base from '../../vitest.config.ts'

/** What takes another browser: `npm run test:firefox`. */
export default defineConfig({
  test: { ...base.test, include: ['tests/firefox/*.firefox.ts'], testTimeout: 120_000 },
})
