-- Opens the file named by LINTLOSS_FILE in Neovim with the language server attached, and writes what it sees to
-- LINTLOSS_SEEN as JSON: the diagnostics, what hovering shows, the code actions, and the buffer after the fix.
local seen = { version = tostring(vim.version().major) .. "." .. vim.version().minor .. "." .. vim.version().patch }
local root = vim.fn.fnamemodify(vim.env.LINTLOSS_FILE, ":h")
local config = {
  name = "lintloss",
  cmd = { vim.env.LINTLOSS_PYTHON, "-m", "lintloss", "server" },
  root_dir = root,
}

local function attach(buffer)
  if vim.lsp.start then -- since 0.8
    return vim.lsp.start(config, { bufnr = buffer })
  end
  local client = vim.lsp.start_client(config)
  vim.lsp.buf_attach_client(buffer, client)
  return client
end

local function wait(what, holds)
  if not vim.wait(30000, holds, 50) then
    error("waited in vain for " .. what)
  end
end

local function ask(method, params)
  local answers = vim.lsp.buf_request_sync(0, method, params, 30000)
  for _, answer in pairs(answers or {}) do
    return answer.result
  end
end

local function run()
  vim.cmd("edit " .. vim.fn.fnameescape(vim.env.LINTLOSS_FILE))
  local client = attach(0)
  wait("diagnostics", function() return #vim.diagnostic.get(0) > 0 end)
  local found = vim.diagnostic.get(0)[1]
  seen.code, seen.message, seen.source = found.code, found.message, found.source
  seen.line, seen.column, seen.severity = found.lnum, found.col, found.severity
  vim.api.nvim_win_set_cursor(0, { found.lnum + 1, found.col + 2 })

  seen.encoding = vim.lsp.get_client_by_id(client).offset_encoding or "utf-16"
  local here = vim.lsp.util.make_position_params(0, seen.encoding)
  seen.hover = ask("textDocument/hover", here).contents.value
  local range = vim.lsp.util.make_range_params(0, seen.encoding)
  range.context = { diagnostics = {} }
  seen.actions = {}
  local preferred
  for _, action in ipairs(ask("textDocument/codeAction", range)) do
    table.insert(seen.actions, action.title)
    preferred = action.isPreferred and action or preferred
  end
  vim.lsp.util.apply_workspace_edit(preferred.edit, seen.encoding)
  wait("the fix to be seen", function() return #vim.diagnostic.get(0) == 0 end)
  seen.text = table.concat(vim.api.nvim_buf_get_lines(0, 0, -1, false), "\n") .. "\n"

  vim.api.nvim_buf_set_lines(0, 0, 0, false, { "# typed" }) -- an edit above, undone by hand
  vim.cmd("silent! undo 0")
  wait("the finding to come back", function() return #vim.diagnostic.get(0) > 0 end)
  seen.again = vim.diagnostic.get(0)[1].code
  vim.lsp.stop_client(client)
  wait("the server to end", function() return vim.lsp.client_is_stopped(client) end)
  seen.stopped = true
end

local fine, problem = pcall(run)
seen.problem = not fine and tostring(problem) or nil
local file = io.open(vim.env.LINTLOSS_SEEN, "w")
file:write(vim.fn.json_encode(seen))
file:close()
vim.cmd("qall!")
