// Starts the language server, `caffelint lsp`, and leaves everything else to it.

import { homedir } from "node:os";
import { commands, ExtensionContext, window, workspace } from "vscode";
import { LanguageClient } from "vscode-languageclient/node";

const CONFIGS = "**/{.caffelint.yaml,pyproject.toml}";
const NETS = "**/*.prototxt";

let client: LanguageClient | undefined;

export async function activate(context: ExtensionContext): Promise<void> {
  context.subscriptions.push(
    commands.registerCommand("caffelint.restart", restart),
    workspace.onDidChangeConfiguration((change) => {
      if (change.affectsConfiguration("caffelint.path")) {
        void restart();
      }
    }),
  );
  await start();
}

export async function deactivate(): Promise<void> {
  await stop();
}

async function restart(): Promise<void> {
  await stop();
  await start();
}

async function stop(): Promise<void> {
  const running = client;
  client = undefined;
  if (running?.isRunning()) {
    await running.stop();
  }
}

async function start(): Promise<void> {
  const command = workspace.getConfiguration("caffelint").get<string>("path", "caffelint");
  client = new LanguageClient(
    "caffelint",
    "caffelint",
    // Not in the workspace's directory, where a program of this name might be found first.
    { command, args: ["lsp"], options: { cwd: homedir() } },
    {
      documentSelector: [{ language: "prototxt" }],
      synchronize: {
        fileEvents: [
          workspace.createFileSystemWatcher(CONFIGS),
          workspace.createFileSystemWatcher(NETS),
        ],
      },
    },
  );
  try {
    await client.start();
  } catch (error) {
    client = undefined;
    void window.showErrorMessage(
      `caffelint could not be started (${String(error)}). ` +
        `Install it with: pip install "caffelint[lsp]", or set caffelint.path.`,
    );
  }
}
