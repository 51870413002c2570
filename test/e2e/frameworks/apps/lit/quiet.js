/** Before Lit: that this is its development build is no news here. */
globalThis.litIssuedWarnings ??= new Set();
globalThis.litIssuedWarnings.add('dev-mode');
