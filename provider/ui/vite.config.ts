import { defineConfig } from "vitest/config";

// The host page provides these; a second React beside the host's would break its hooks.
const globals = {
  react: "React",
  "react-dom": "ReactDOM",
  "react/jsx-runtime": "ReactJSXRuntime",
  "react-router-dom": "ReactRouterDOM",
};

export default defineConfig(({ command }) => ({
  define: command === "build" ? { "process.env.NODE_ENV": '"production"' } : {},
  build: {
    outDir: "../src/lading/plugin/static",
    emptyOutDir: false,
    // nesting is lowered, so that the styles work in browsers of 2023
    cssTarget: "chrome110",
    target: "es2022",
    lib: { entry: "src/main.tsx", name: "AirflowPlugin", formats: ["iife"], fileName: () => "lading.js" },
    rollupOptions: { external: Object.keys(globals), output: { globals } },
  },
  test: { environment: "jsdom", include: ["tests/**/*.test.ts", "tests/**/*.test.tsx"] },
}));
