export async function measureOverheads() {
  return [];
}
