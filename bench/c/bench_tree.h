/* The job of the tree parsers (model, roles, contents), over the names that each of them defines before: tree, tree_get(object, name),
   tree_text(value, length), tree_each(array, i, n, value), tree_is_array(value). */
static void tree_count(tree v, bench_counts *c) {
    size_t n = 0;
    const char *s = tree_text(v, &n);
    if (!s) return;
    c->texts++;
    c->text_bytes += n;
}

static void tree_content(tree v, bench_counts *c) {
    size_t i, n;
    tree part;
    tree_count(v, c);
    if (tree_is_array(v)) tree_each(v, i, n, part) tree_count(tree_get(part, "text"), c);
}

static void tree_turns(tree v, bench_counts *c) {
    size_t i, n;
    tree turn;
    tree_count(v, c);
    if (!tree_is_array(v)) return;
    tree_each(v, i, n, turn) {
        if (tree_get(turn, "role")) c->roles++;
        tree_content(tree_get(turn, "content"), c);
        tree_content(tree_get(turn, "parts"), c);
    }
}

static void tree_body(tree body, bench_counts *c) {
    if (tree_get(body, "model")) c->models++;
    tree_turns(tree_get(body, "messages"), c);
    tree_turns(tree_get(body, "input"), c);
    tree_turns(tree_get(body, "contents"), c);
}
