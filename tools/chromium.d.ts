/** Where a browser is looked for. */
export interface Search {
    /** `LUNADEFEND_CHROMIUM`: it alone counts when it is set. */
    readonly named: string | undefined;
    /** The folders of PATH. */
    readonly folders: readonly string[];
    /** Files to try after PATH. */
    readonly places: readonly string[];
}
/** The first browser of the search; `null` when there is none. */
export declare function findChromium({ named, folders, places }: Search): string | null;
/** The search on this machine. */
export declare function searchHere(): Search;
/** The Chromium that the tests drive. Throws, saying what to do, when there is none. */
export declare function chromiumPath(): string;
