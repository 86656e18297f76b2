import { useAddress } from "../../host";
import { ArtifactView } from "./ArtifactView";
import { SearchView } from "./SearchView";

export function ArtifactOrSearch() {
  const artifact = useAddress().get("artifact");
  return artifact ? <ArtifactView key={artifact} id={artifact} /> : <SearchView />;
}
