// SPDX-License-Identifier: LGPL-2.1-or-later
#define NEED_CPU_REG_SHORTCUTS 1
#include "bochs.h"
#include "cpu.h"
#define LOG_THIS BX_CPU_THIS_PTR
#include "decoder/ia_opcodes.h"
#include "machine/path.h"
#include "path.h"

#include <map>
#include <set>
#include <string>
#include <vector>

bool path_on;

static const size_t MAX_EVENTS = 1 << 21, MAX_PATHS = 64;
static const Bit64u STACK = 1 << 14; // the kernel's THREAD_SIZE, to which stacks are aligned

/* An instruction, or what it did. */
struct event {
  char kind; // 'i', and the letters of the file
  Bit64u a, b;
};

struct seen {
  Bit64u count = 0;
  struct path figures;
  std::vector<Bit64u> frames;
  std::vector<event> events;
};

struct reason {
  Bit64u exits = 0, disturbed = 0;
  std::map<Bit64u, seen> paths; // by hash
};

/* A function that was called, and where its return address is. */
struct frame {
  Bit64u at, function;
};

static std::string file, name;
static bool name_ends;
static std::map<Bit32u, reason> reasons;
static std::map<Bit64u, std::vector<frame>> stacks; // by STACK

/* What an instruction adds to, and takes away again if it does not retire. */
struct counts {
  Bit64u instructions, user, rdmsr, wrmsr, vmread, vmwrite, atomic, indirect;
  size_t events;
};

static struct {
  bool recording, disturbed;
  Bit32u reason;
  Bit64u hash, exceptions;
  Bit64u rip, icount; // of the last instruction: where, and how many had retired before
  struct counts counts, before;
  std::map<Bit64u, Bit64u> msrs;
  std::set<Bit64u> text, stack, data, user; // lines
  std::vector<Bit64u> frames;
  std::vector<event> events;
} now;

static struct path result;

void path_open(const char *path) { file = path; }

static Bit64u pages(const std::set<Bit64u> &lines)
{
  std::set<Bit64u> found;
  for (Bit64u line : lines)
    found.insert(line >> 6);
  return found.size();
}

static bool in_guest(void)
{
  return BX_CPU_THIS_PTR in_vmx_guest || BX_CPU_THIS_PTR in_svm_guest;
}

static unsigned cpl(void) { return BX_CPU_THIS_PTR sregs[BX_SEG_REG_CS].selector.rpl; }

static void close_exit(void)
{
  if (!now.recording)
    return;
  now.recording = false;
  reason *r = &reasons[now.reason];
  r->exits++;
  if (now.disturbed || now.events.size() >= MAX_EVENTS) {
    r->disturbed++;
    return;
  }
  if (r->paths.size() >= MAX_PATHS && !r->paths.count(now.hash))
    return;
  seen *s = &r->paths[now.hash];
  if (s->count++)
    return;
  const struct counts *c = &now.counts;
  struct path *f = &s->figures;
  *f = {};
  f->instructions = c->instructions, f->user = c->user;
  f->rdmsr = c->rdmsr, f->wrmsr = c->wrmsr, f->vmread = c->vmread, f->vmwrite = c->vmwrite;
  f->atomic = c->atomic, f->indirect = c->indirect, f->exceptions = now.exceptions;
  f->text_lines = now.text.size(), f->text_pages = pages(now.text);
  f->stack_lines = now.stack.size(), f->stack_pages = pages(now.stack);
  f->data_lines = now.data.size(), f->data_pages = pages(now.data);
  f->user_lines = now.user.size(), f->user_pages = pages(now.user);
  for (auto &msr : now.msrs)
    if (msr.second && f->nr_msrs < PATH_MSRS)
      f->msrs[f->nr_msrs++] = {msr.first, msr.second};
  s->frames = now.frames;
  s->events = now.events;
}

void path_exit(Bit32u why)
{
  close_exit();
  now.recording = true;
  now.disturbed = false;
  now.reason = why & 0xffff;
  now.hash = 0xcbf29ce484222325;
  now.exceptions = now.rip = 0;
  now.counts = {};
  now.msrs.clear();
  now.text.clear(), now.stack.clear(), now.data.clear(), now.user.clear();
  now.frames.clear();
  now.events.clear();
}

/* Frames below the stack pointer are gone, however they were left. */
static std::vector<frame> *live_frames(void)
{
  std::vector<frame> *frames = &stacks[RSP / STACK];
  while (!frames->empty() && frames->back().at < RSP)
    frames->pop_back();
  return frames;
}

static void add(char kind, Bit64u a, Bit64u b = 0)
{
  if (now.events.size() < MAX_EVENTS)
    now.events.push_back({kind, a, b});
}

static void msr_access(bool write)
{
  Bit64u index = ECX;
  if (write)
    add('m', index, (Bit64u)EDX << 32 | EAX);
  else
    add('n', index);
  now.msrs[index | (Bit64u)write << 32]++;
  (write ? now.counts.wrmsr : now.counts.rdmsr)++;
}

/* Bochs does these with host instructions, without a callback for each access. The kernel never sets DF. */
static void repeated(unsigned size, bool moves)
{
  unsigned bytes = (unsigned)(RCX < 1 << 20 ? RCX : 1 << 20) * size;
  if (bytes) {
    path_access(RDI, bytes);
    if (moves)
      path_access(RSI, bytes);
  }
}

static void what(bxInstruction_c *i)
{
  struct counts *f = &now.counts;

  switch (i->getIaOpcode()) {
  case BX_IA_RDMSR: msr_access(false); break;
  case BX_IA_WRMSR: case BX_IA_WRMSRNS: msr_access(true); break;
  case BX_IA_VMREAD_EqGq: f->vmread++; break;
  case BX_IA_VMWRITE_GqEq: f->vmwrite++; break;
  case BX_IA_XCHG_EbGb: case BX_IA_XCHG_EwGw: case BX_IA_XCHG_EdGd: case BX_IA_XCHG_EqGq:
    f->atomic += !i->modC0();
    return;
  case BX_IA_REP_MOVSB_YbXb: repeated(1, true); break;
  case BX_IA_REP_MOVSW_YwXw: repeated(2, true); break;
  case BX_IA_REP_MOVSD_YdXd: repeated(4, true); break;
  case BX_IA_REP_MOVSQ_YqXq: repeated(8, true); break;
  case BX_IA_REP_STOSB_YbAL: repeated(1, false); break;
  case BX_IA_REP_STOSW_YwAX: repeated(2, false); break;
  case BX_IA_REP_STOSD_YdEAX: repeated(4, false); break;
  case BX_IA_REP_STOSQ_YqRAX: repeated(8, false); break;
  }
  f->atomic += i->getLock();
}

void path_instruction(bxInstruction_c *i)
{
  // Bochs' own end of a trace is no instruction.
  if (!now.recording || i->getIaOpcode() == BX_INSERTED_OPCODE)
    return;
  if (in_guest()) {
    close_exit();
    return;
  }
  // It was begun before: a REP that an event broke, or what waited for a page.
  Bit64u icount = BX_CPU_THIS_PTR get_icount();
  if (RIP == now.rip && icount == now.icount)
    return;
  if (now.events.empty())
    for (const frame &each : *live_frames())
      now.frames.push_back(each.function);
  now.rip = RIP;
  now.icount = icount;
  now.before = now.counts;
  now.before.events = now.events.size();
  Bit64u first = RIP >> 6, last = (RIP + i->ilen() - 1) >> 6;
  std::set<Bit64u> *fetched = cpl() == 3 ? &now.user : &now.text;
  fetched->insert(first);
  if (last != first)
    fetched->insert(last);
  now.hash = (now.hash ^ RIP) * 0x100000001b3;
  now.counts.instructions++;
  now.counts.user += cpl() == 3;
  add('i', RIP, i->getIaOpcode());
  what(i);
}

void path_branch(unsigned what, bx_address target)
{
  bool call = what == BX_INSTR_IS_CALL || what == BX_INSTR_IS_CALL_INDIRECT;

  if (in_guest())
    return;
  if (call) {
    std::vector<frame> *frames = &stacks[RSP / STACK];
    while (!frames->empty() && frames->back().at <= RSP)
      frames->pop_back();
    frames->push_back({RSP, target});
  } else if (what == BX_INSTR_IS_RET) {
    live_frames(); // before the stack grows for another reason: a random offset, alloca()
  }
  if (!now.recording)
    return;
  if (call)
    add('c', target);
  else if (what == BX_INSTR_IS_RET)
    add('r', 0);
  now.counts.indirect += what == BX_INSTR_IS_CALL_INDIRECT || what == BX_INSTR_IS_JMP_INDIRECT;
}

void path_access(bx_address at, unsigned size)
{
  if (!now.recording || in_guest())
    return;
  for (Bit64u line = at >> 6; line <= (at + size - 1) >> 6; line++)
    if (!(at >> 63))
      now.user.insert(line);
    else if (at / STACK == RSP / STACK)
      now.stack.insert(line);
    else
      now.data.insert(line);
}

/* What faults has not retired, and is forgotten. It has where the next one could not be fetched, or of a trap. */
void path_exception(unsigned vector)
{
  if (!now.recording || in_guest())
    return;
  if (BX_CPU_THIS_PTR get_icount() == now.icount && now.events.size() < MAX_EVENTS) {
    for (size_t i = now.before.events; i < now.events.size(); i++)
      if (now.events[i].kind == 'm' || now.events[i].kind == 'n')
        now.msrs[now.events[i].a | (Bit64u)(now.events[i].kind == 'm') << 32]--;
    now.events.resize(now.before.events);
    now.counts = now.before;
    now.rip = 0;
  }
  add('x', vector, BX_CPU_THIS_PTR prev_rip);
  now.exceptions++;
}

void path_interrupt(void) { now.disturbed = true; }

static FILE *opened(void)
{
  static FILE *f;

  if (!f && !file.empty())
    f = fopen(file.c_str(), "w");
  return f;
}

static void write_down(const seen *s)
{
  const Bit64u *words = (const Bit64u *)&result;
  FILE *f = opened();

  if (!f)
    return;
  fprintf(f, "path %s\nfigures", name.c_str());
  for (size_t i = 0; i < PATH_WORDS - 2 * (PATH_MSRS - result.nr_msrs); i++)
    fprintf(f, " " FMT_LL "u", words[i]);
  fprintf(f, "\nframes");
  for (Bit64u function : s->frames)
    fprintf(f, " " FMT_LL "x", function);
  fprintf(f, "\n");
  for (const event &e : s->events)
    if (e.kind == 'i')
      fprintf(f, FMT_LL "x " FMT_LL "x\n", e.a, e.b);
    else if (e.kind == 'm' || e.kind == 'x')
      fprintf(f, "%c " FMT_LL "x " FMT_LL "x\n", e.kind, e.a, e.b);
    else if (e.kind == 'r')
      fprintf(f, "r\n");
    else
      fprintf(f, "%c " FMT_LL "x\n", e.kind, e.a);
  fprintf(f, "end\n");
  fflush(f);
}

static void text(const Bit32u argument[2])
{
  FILE *f = opened();

  for (unsigned i = 0; f && i < 8; i++)
    if (char c = (char)(argument[i / 4] >> (8 * (i % 4)))) {
      putc(c, f);
      if (c == '\n')
        fflush(f); // the machine is killed, not ended
    }
}

/* The commonest reason, if there are @min of it, and of it the commonest path. */
static bool stop(Bit32u min)
{
  const reason *common = NULL;
  const seen *path = NULL;

  now.recording = false; // the last one has not come to a VM entry
  path_on = false;
  stacks.clear();
  result = {};
  for (auto &each : reasons)
    if (!common || each.second.exits > common->exits) {
      common = &each.second;
      result.reason = each.first;
    }
  if (!common || common->exits < min)
    return false;
  for (auto &each : common->paths)
    if (!path || each.second.count > path->count)
      path = &each.second;
  if (path) {
    Bit64u why = result.reason;
    result = path->figures;
    result.reason = why;
    result.same = path->count;
  }
  result.exits = common->exits;
  result.disturbed = common->disturbed;
  if (path)
    write_down(path);
  return path != NULL;
}

void path_cpuid(Bit32u command, const Bit32u argument[2], Bit32u answer[4])
{
  static const Bit32u magic[] = PATH_NAME;

  memset(answer, 0, 4 * sizeof(*answer));
  switch (command) {
  case PATH_ASK:
    answer[0] = PATH_WORDS;
    memcpy(&answer[1], magic, sizeof(magic));
    break;
  case PATH_NAMED:
    if (name_ends)
      name.clear();
    name_ends = false;
    for (unsigned i = 0; i < 4; i++)
      if (char c = (char)(argument[0] >> (8 * i)))
        name += c;
    break;
  case PATH_START:
    name_ends = true;
    reasons.clear();
    stacks.clear();
    now.recording = false;
    path_on = true;
    break;
  case PATH_STOP:
    answer[0] = path_on && stop(argument[0]);
    break;
  case PATH_TEXT:
    text(argument);
    break;
  case PATH_READ:
    if (argument[0] < PATH_WORDS) {
      Bit64u word = ((const Bit64u *)&result)[argument[0]];
      answer[0] = (Bit32u)word;
      answer[3] = (Bit32u)(word >> 32);
    }
    break;
  }
}
