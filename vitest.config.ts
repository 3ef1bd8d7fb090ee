import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: [
      'packages/*/test/**/*.test.ts',
      'apps/*/test/**/*.test.ts',
      'docs/examples/**/*.test.ts',
      'tests/**/*.test.ts',
    ],
    // Tests run on Node's own loader, so what passes here also runs in production.
    experimental: { viteModuleRunner: false },
    pool: 'forks',
    // Most of a browser test is waiting: three at once are good for two cores.
    maxWorkers: 3,
    testTimeout: 60_000,
    hookTimeout: 120_000,
    expect: { poll: { timeout: 30_000 } },
    // A browser that did not get there in time is tried once more; an assertion that fails is never.
    retry: { count: 1, condition: /^(?:page|frame|locator)\S*: Timeout \d+ms exceeded/ },
  },
})
