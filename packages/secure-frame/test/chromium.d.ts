import { type Browser } from 'playwright-core';
export interface OwnBrowser extends AsyncDisposable {
    readonly browser: Browser;
}
/** Chromium as a user has it, cookie and storage rules included: Playwright's own launch switches some of them off. */
export declare function startChromium(flags?: readonly string[], preferences?: object | null): Promise<OwnBrowser>;
